//! A value tree out of bytes: every input is a tree, and small changes of the input are small changes of it.

use orz_core::Value;
use serde_json::{Map, Number};

/// Deepest tree; the reader refuses more than 64 collections inside each other.
const MAX_DEPTH: usize = 62;

/// Texts that YAML readers take for something else, alone or next to each other.
const PIECES: &[&str] = &[
    "",
    "a",
    "b",
    "web",
    "x-1",
    "/x",
    "b:c",
    "y",
    "n",
    "no",
    "on",
    "Off",
    "YES",
    "true",
    "null",
    "Null",
    "~",
    "<<",
    "=",
    "-",
    "- ",
    "?",
    "? ",
    ":",
    ": ",
    ",",
    "#",
    " #",
    "|",
    ">",
    "|-",
    "&a",
    "*a",
    "!t",
    "%",
    "@",
    "`",
    "'",
    "\"",
    "\\",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\t",
    " ",
    "  ",
    "0",
    "-0",
    "1",
    "1.0",
    "1e3",
    "0x1f",
    "0o14",
    "012",
    "1_000",
    "12:30:45",
    "2001-01-01",
    ".inf",
    ".nan",
    "nan",
    "---",
    "...",
    "\n---\n",
    "\n...\n",
    "\n# x\n",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{ad}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "\u{fffe}",
    "\u{fffd}",
    "\u{1f600}",
    "\u{e0001}",
    "\u{10ffff}",
    "é",
    "e\u{301}",
    "日本",
];

/// Lengths around the 1,024 characters that YAML allows for a key on one line.
const LONG: [usize; 8] = [255, 1_000, 1_021, 1_022, 1_023, 1_024, 1_025, 2_000];

/// The tree that `data` describes.
pub(crate) fn tree(data: &[u8]) -> Value {
    Bytes { data }.value(MAX_DEPTH)
}

struct Bytes<'a> {
    data: &'a [u8],
}

impl Bytes<'_> {
    /// The next byte; 0 behind the end.
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.data.split_first() else {
            return 0;
        };
        self.data = rest;
        *first
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.byte() % 12 {
            0 => Value::Null,
            1 => Value::Bool(self.byte().is_multiple_of(2)),
            2 => Value::from(i64::from(self.byte()) - 128),
            3 => Value::from(self.word()),
            4 => Value::from(self.word().cast_signed()),
            5 => Number::from_f64(f64::from_bits(self.word())).map_or(Value::Null, Value::Number),
            // Near zero and in the range that people use.
            6 => Value::from(f64::from(self.byte()) / f64::from(self.byte()).max(1.0)),
            7 | 8 => Value::String(self.text()),
            _ if depth == 0 => Value::Null,
            9 => {
                let length = self.below(8);
                Value::Array((0..length).map(|_| self.value(depth - 1)).collect())
            }
            10 => {
                let length = self.below(8);
                let entry = |_| (self.text(), self.value(depth - 1));
                Value::Object((0..length).map(entry).collect::<Map<_, _>>())
            }
            _ => self.nested(depth),
        }
    }

    /// Many collections of one item each.
    fn nested(&mut self, depth: usize) -> Value {
        let levels = self.below(depth) + 1;
        let kinds = self.byte();
        let mut value = self.value(depth - levels);
        for level in 0..levels {
            value = if kinds >> (level % 8) & 1 == 0 {
                Value::Array(vec![value])
            } else {
                Value::Object(Map::from_iter([(self.text(), value)]))
            };
        }
        value
    }

    fn text(&mut self) -> String {
        match self.byte() % 4 {
            0 => {
                let length = self.below(32).min(self.data.len());
                let (text, rest) = self.data.split_at(length);
                self.data = rest;
                String::from_utf8_lossy(text).into_owned()
            }
            1 | 2 => {
                let count = self.below(8);
                (0..count)
                    .map(|_| PIECES[self.below(PIECES.len())])
                    .collect()
            }
            _ => {
                let length = LONG[self.below(LONG.len())];
                let piece = PIECES[self.below(PIECES.len())];
                let filler = if piece.is_empty() { "a" } else { piece };
                let end = PIECES[self.below(PIECES.len())];
                let mut text = filler.repeat(length / filler.len());
                text.push_str(end);
                text
            }
        }
    }
}
