//! Source files and places in them.

/// A file of [`Sources`], by its position there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A range of bytes in one file; `start..end`, both on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Line and column as an editor counts them: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in Unicode scalar values.
    pub column: usize,
}

/// One input file as text. Bytes that are not UTF-8 stand as U+FFFD here; the reader reports them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the root of the source repository, `/`-separated.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// All files that a compile read, so that a [`Span`] can be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Vec<SourceFile>);

impl Sources {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and names it.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> FileId {
        let id = FileId(u32::try_from(self.0.len()).expect("fewer than 2^32 source files"));
        self.0.push(SourceFile {
            path: path.into(),
            text: text.into(),
        });
        id
    }

    /// The file that `id` names.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.0[id.0 as usize]
    }

    /// The same files with `*` for every byte of `spans`, so that all places stay where they are.
    pub(super) fn hidden(&self, spans: &[Span]) -> Self {
        let mut hidden = self.clone();
        for span in spans {
            let text = &mut hidden.0[span.file.0 as usize].text;
            let (start, end) = (
                floor_boundary(text, span.start),
                floor_boundary(text, span.end),
            );
            let mask: String = text[start..end]
                .bytes()
                .map(|b| if b == b'\n' { '\n' } else { '*' })
                .collect();
            text.replace_range(start..end, &mask);
        }
        hidden
    }

    /// Where `span` starts.
    pub fn position(&self, span: Span) -> Position {
        let text = &self.file(span.file).text;
        let before = &text[..floor_boundary(text, span.start)];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// `path:line:column` of the start of `span`.
    pub fn locate(&self, span: Span) -> String {
        let Position { line, column } = self.position(span);
        format!("{}:{line}:{column}", self.file(span.file).path)
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_never_split_one() {
        let mut sources = Sources::new();
        let file = sources.add("a.json", "{\r\n  \"é😀\": 1\n}");
        let at = |start| {
            sources.position(Span {
                file,
                start,
                end: start,
            })
        };
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(5), Position { line: 2, column: 3 });
        assert_eq!(at(12), Position { line: 2, column: 6 });
        assert_eq!(at(9), at(8), "inside a character counts as its start");
        assert_eq!(at(9_999).line, 3);
    }
}
