//! What other YAML libraries read in a document.
//!
//! Each reader is one process that reads all documents in one go: thousands take about a second
//! in Go, and about a millisecond each in Python.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::{GoProgram, ToolError, python_with_yaml};

/// A YAML library of another language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Library {
    /// `sigs.k8s.io/yaml`, which kubectl and the API server use; duplicate keys are an error.
    Go,
    /// PyYAML, YAML 1.1.
    PyYaml,
    /// ruamel.yaml, YAML 1.2.
    Ruamel,
}

impl Library {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Go, Self::PyYaml, Self::Ruamel];

    /// Makes the library ready: builds the Go program, or installs the Python packages.
    pub fn prepare(self) -> Result<Reader, ToolError> {
        let (program, arguments) = match self {
            Self::Go => (build()?, vec![]),
            Self::PyYaml => (python_with_yaml()?, vec!["-c", SCRIPT, "pyyaml"]),
            Self::Ruamel => (python_with_yaml()?, vec!["-c", SCRIPT, "ruamel"]),
        };
        Ok(Reader { program, arguments })
    }
}

/// A YAML library that is ready to read.
pub struct Reader {
    program: PathBuf,
    arguments: Vec<&'static str>,
}

impl Reader {
    /// A reader in Python: `script` is called with `argument`, speaks the protocol of
    /// `tests/yamlread` and may import PyYAML and ruamel.yaml.
    pub fn python(script: &'static str, argument: &'static str) -> Result<Self, ToolError> {
        Ok(Self {
            program: python_with_yaml()?,
            arguments: vec!["-c", script, argument],
        })
    }

    /// What the library reads in each document, in order: its value as JSON, or the library's
    /// reason to refuse it.
    pub fn read<D: AsRef<[u8]> + Sync>(
        &self,
        documents: &[D],
    ) -> Result<Vec<Result<Value, String>>, ToolError> {
        let texts = self.read_text(documents)?;
        texts.into_iter().map(|text| self.answer(text)).collect()
    }

    /// Like [`Reader::read`], with the value as the text of the JSON: for documents that are nested
    /// deeper than `serde_json` reads.
    pub fn read_text<D: AsRef<[u8]> + Sync>(
        &self,
        documents: &[D],
    ) -> Result<Vec<Result<String, String>>, ToolError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(ToolError::io(&self.program))?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(self.failed("its pipes are not there"));
        };
        let answers = thread::scope(|scope| {
            // Its own thread, because a reader answers while documents are still coming in.
            let writing = scope.spawn(move || {
                for document in documents {
                    let document = document.as_ref();
                    writeln!(input, "{}", document.len())?;
                    input.write_all(document)?;
                    input.write_all(b"\n")?;
                }
                input.flush()
            });
            let answers: Result<Vec<_>, ToolError> = BufReader::new(output)
                .lines()
                .map(|line| {
                    let line = line.map_err(ToolError::io(&self.program))?;
                    Ok(match line.strip_prefix("!error ") {
                        Some(reason) => Err(reason.to_owned()),
                        None => Ok(line),
                    })
                })
                .collect();
            match writing.join() {
                Ok(written) => written.map_err(ToolError::io(&self.program))?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
            answers
        });
        let status = child.wait().map_err(ToolError::io(&self.program))?;
        let answers = answers?;
        if !status.success() || answers.len() != documents.len() {
            return Err(self.failed(&format!(
                "{status} after {} of {} documents",
                answers.len(),
                documents.len()
            )));
        }
        Ok(answers)
    }

    fn answer(&self, text: Result<String, String>) -> Result<Result<Value, String>, ToolError> {
        match text {
            Err(reason) => Ok(Err(reason)),
            Ok(text) => serde_json::from_str(&text)
                .map(Ok)
                .map_err(|error| self.failed(&format!("`{text}` is not JSON: {error}"))),
        }
    }

    fn failed(&self, output: &str) -> ToolError {
        ToolError::Failed {
            what: format!("reading YAML by `{}`", self.program.display()),
            output: output.into(),
            help: String::new(),
        }
    }
}

/// The path of the program that reads YAML the way kubectl does. Its protocol stands in its
/// source, `tests/yamlread/main.go`; [`Reader::read`] speaks it.
pub fn build() -> Result<PathBuf, ToolError> {
    GoProgram {
        module_dir: &Path::new(env!("CARGO_MANIFEST_DIR")).join("../yamlread"),
        ldflags: "-s -w",
        what: "the YAML reader of kubectl (a few seconds)",
    }
    .binary()
}

const SCRIPT: &str = include_str!("yaml_reader.py");

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_library_reads_in_its_own_way() -> Result<(), Box<dyn std::error::Error>> {
        let documents = [
            "a: yes\n",
            "a: [1, 'é\u{1F600}', null]\n",
            "a: 1\na: 2\n",
            "{",
        ];
        for library in Library::ALL {
            let read = library.prepare()?.read(&documents)?;
            let yes = if library == Library::Ruamel {
                json!("yes")
            } else {
                json!(true)
            };
            assert_eq!(read[0], Ok(json!({ "a": yes })), "{library:?}");
            assert_eq!(read[1], Ok(json!({ "a": [1, "é😀", null] })), "{library:?}");
            assert_eq!(
                read[2].is_err(),
                library != Library::PyYaml,
                "{library:?}: {read:?}"
            );
            assert!(read[3].is_err(), "{library:?}");
        }
        Ok(())
    }

    #[test]
    fn thousands_of_documents_go_through_one_process() -> Result<(), Box<dyn std::error::Error>> {
        let documents: Vec<String> = (0..5_000).map(|n| format!("number: {n}\n")).collect();
        let read = Library::Go.prepare()?.read(&documents)?;
        for (n, value) in read.into_iter().enumerate() {
            assert_eq!(value, Ok(json!({ "number": n })));
        }
        Ok(())
    }
}
