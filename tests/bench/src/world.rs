//! What all sections work on: the generated source, its platform data, and a folder for repositories.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use orz_compiler::{Inputs, Output, Platform};
use orz_core::diag::{Severity, Sources};
use orz_core::format::Source;
use orz_core::id::TenantName;
use orz_core::parallel;
use orz_gitops::{NewRelease, Repo, Request};
use tempfile::TempDir;

use crate::Outcome;
use crate::args::Args;
use crate::source::{self, Files};

/// The surroundings of every section.
pub(crate) struct World {
    /// The bundles of all tenants at revision 0.
    pub(crate) tenants: Vec<(TenantName, Files)>,
    /// Platform data with the word on every tenant.
    pub(crate) platform: Platform,
    folder: TempDir,
}

impl World {
    pub(crate) fn new(args: &Args) -> Outcome<Self> {
        let mut platform = source::platform()?;
        let mut tenants = Vec::with_capacity(args.tenants);
        for i in 0..args.tenants {
            platform.extend(source::operator(i)?);
            tenants.push((source::name(i).parse()?, source::tenant(i, 0)?));
        }
        Ok(Self {
            tenants,
            platform: load(&platform)?,
            folder: tempfile::Builder::new().prefix("orz-bench-").tempdir()?,
        })
    }

    /// How big the generated source is, and what the first tenants compile to.
    pub(crate) fn describe(&self) -> Outcome<String> {
        let sample = self.tenants.len().min(50);
        let (mut objects, mut manifests) = (0, 0);
        for (tenant, files) in &self.tenants[..sample] {
            for part in compile(tenant, files.clone(), &self.platform)?
                .parts
                .values()
            {
                objects += part.files.len();
                manifests += part.files.values().map(Vec::len).sum::<usize>();
            }
        }
        let source: usize = self.tenants[..sample]
            .iter()
            .flat_map(|(_, f)| f.values())
            .map(Vec::len)
            .sum();
        Ok(format!(
            "{} objects, {} bytes of source and {} bytes of manifests per tenant",
            objects / sample,
            source / sample,
            manifests / sample
        ))
    }

    /// A path for a repository of this name; what stood there is gone.
    pub(crate) fn fresh(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.folder.path().join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        Ok(path)
    }

    /// The folder of repositories.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The number of the tenant that change `n` is about: they take turns all over the source.
    pub(crate) fn turn(&self, n: usize) -> usize {
        // A step that is prime, so that neighbours in time are no neighbours in the trees.
        n * 7_919 % self.tenants.len()
    }

    /// A new bare repository in which all tenants are live at revision 0.
    pub(crate) fn published(&self, name: &str) -> Outcome<Repo> {
        let repo = Repo::init(self.fresh(name)?, &request())?;
        repo.publish(releases(self.compile_all(0)?), true, &request())?;
        Ok(repo)
    }

    /// All tenants at a revision, compiled on all cores as the command line does it.
    pub(crate) fn compile_all(&self, revision: u64) -> Outcome<Vec<Output>> {
        self.compile_on(std::thread::available_parallelism()?, revision)
    }

    /// The same on so many threads.
    pub(crate) fn compile_on(&self, threads: NonZeroUsize, revision: u64) -> Outcome<Vec<Output>> {
        let work = |(i, (tenant, files)): (usize, &(TenantName, Files))| {
            let files = match revision {
                0 => Ok(files.clone()),
                _ => source::tenant(i, revision),
            };
            files
                .and_then(|files| compile(tenant, files, &self.platform))
                .map_err(|error| error.to_string())
        };
        let numbered: Vec<_> = self.tenants.iter().enumerate().collect();
        let outputs = parallel::map(threads, numbered, work);
        Ok(outputs.into_iter().collect::<Result<_, _>>()?)
    }
}

/// Loads platform data that must be sound.
pub(crate) fn load(files: &Files) -> Outcome<Platform> {
    let loaded = Platform::load(files);
    match loaded.value {
        Some(platform) => Ok(platform),
        None => Err(first_error(&loaded.diagnostics, &loaded.sources)),
    }
}

/// Compiles a tenant that must be sound.
pub(crate) fn compile(tenant: &TenantName, files: Files, platform: &Platform) -> Outcome<Output> {
    let compiled = orz_compiler::compile(&Inputs {
        tenant: tenant.clone(),
        files,
        platform,
        at: None,
    });
    match compiled.output {
        Some(output) => Ok(output),
        None => Err(first_error(&compiled.diagnostics, &compiled.sources)),
    }
}

fn first_error(
    diagnostics: &orz_core::diag::Diagnostics,
    sources: &Sources,
) -> Box<dyn std::error::Error> {
    let error = diagnostics.iter().find(|d| d.severity == Severity::Error);
    let message = error.map_or_else(String::new, |error| {
        let place = error.span.map(|span| sources.locate(span));
        format!("{}: {}", place.unwrap_or_default(), error.message)
    });
    format!("the generated source does not compile: {message}").into()
}

/// What is published of these outputs, in the order of the tenants and parts.
pub(crate) fn releases(outputs: Vec<Output>) -> Vec<NewRelease> {
    let compiler = orz_compiler::compiler_identity();
    let source = Source {
        repository: "https://git.example.com/platform/source.git".to_owned(),
        commit: None,
        dirty: false,
    };
    let mut releases = Vec::with_capacity(outputs.len() * 3);
    for output in outputs {
        for part in output.parts.into_values() {
            releases.push(NewRelease {
                tenant: output.tenant.clone(),
                part: part.part,
                cluster: output.cluster.clone(),
                namespace: output.namespace.clone(),
                files: part.files,
                objects: part.objects,
                requires: part.requires,
                claims: part.claims,
                digest: part.digest,
                inputs: output.inputs.clone(),
                at: output.at.clone(),
                source: source.clone(),
                compiler: compiler.clone(),
            });
        }
    }
    releases
}

/// Writes files of a source repository below `root`.
pub(crate) fn write(root: &Path, files: &Files) -> Outcome {
    for (path, bytes) in files {
        let path: PathBuf = root.join(path);
        std::fs::create_dir_all(path.parent().ok_or("a file below the root")?)?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

/// Who asks for everything here.
pub(crate) fn request() -> Request<'static> {
    Request {
        reason: Some("benchmark"),
        actor: "Bench <bench@example.com>",
        request_id: None,
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}
