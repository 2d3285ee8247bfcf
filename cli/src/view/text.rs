//! Text for people: short aligned lines, colours that carry meaning only beside words.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use orz_core::format::Source;

/// What a piece of text means; colours follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// What the eye should find first.
    Strong,
    /// Beside the point.
    Faint,
    /// As it should be; something new.
    Good,
    /// Needs attention; a change.
    Notice,
    /// Wrong; a loss.
    Bad,
    /// Names a thing: a release, a file.
    Name,
}

impl Tone {
    fn style(self) -> Style {
        let color = |color: AnsiColor| color.on_default();
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => color(AnsiColor::Green),
            Self::Notice => color(AnsiColor::Yellow),
            Self::Bad => color(AnsiColor::Red).bold(),
            Self::Name => color(AnsiColor::Cyan),
        }
    }
}

/// Paints text, or leaves it alone where colours are off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    color: bool,
}

impl Paint {
    /// With or without colours.
    pub(crate) fn new(color: bool) -> Self {
        Self { color }
    }

    /// Whether colours are on.
    pub(crate) fn color(self) -> bool {
        self.color
    }

    /// `text` in this tone, made safe to show.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let text = visible(text);
        if self.color && tone != Tone::Plain {
            let style = tone.style();
            format!("{style}{text}{style:#}")
        } else {
            text
        }
    }
}

/// `text` with control characters written out, so that what others wrote into a repository
/// cannot move the cursor or change the title of a terminal.
pub(crate) fn visible(text: &str) -> String {
    // Marks that turn the direction of writing could make one name look like another.
    let unsafe_to_show = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.chars().any(unsafe_to_show) {
        return text.to_owned();
    }
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, c| {
            if unsafe_to_show(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
            out
        })
}

/// The first 12 digits of an id: enough for a person, and for `orzc show`.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// Where something was compiled from, in a few words.
pub(crate) fn origin(source: &Source) -> String {
    match &source.commit {
        None => source.repository.clone(),
        Some(commit) => {
            let dirty = if source.dirty {
                ", with changes beside it"
            } else {
                ""
            };
            format!("{} at {}{dirty}", source.repository, short(commit.as_str()))
        }
    }
}

/// `1 tenant`, `2 tenants`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    let plural = match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{noun}s"),
    };
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {plural}")
    }
}

/// The text of a result.
#[derive(Debug)]
pub(crate) struct Text {
    out: String,
    paint: Paint,
}

impl Text {
    /// Empty.
    pub(crate) fn new(color: bool) -> Self {
        Self {
            out: String::new(),
            paint: Paint::new(color),
        }
    }

    /// The painter of this text.
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// Adds a line of painted pieces.
    pub(crate) fn line(&mut self, pieces: &[(Tone, &str)]) {
        for (tone, piece) in pieces {
            self.out.push_str(&self.paint.paint(*tone, piece));
        }
        self.out.push('\n');
    }

    /// Adds text as it is: a file, a rendered document. Ends the line if the text does not.
    pub(crate) fn raw(&mut self, text: &str) {
        self.out.push_str(text);
        if !text.is_empty() && !text.ends_with('\n') {
            self.out.push('\n');
        }
    }

    /// Adds an empty line.
    pub(crate) fn gap(&mut self) {
        self.out.push('\n');
    }

    /// Adds the rows of a table.
    pub(crate) fn table(&mut self, table: &Table) {
        table.write(&mut self.out, self.paint);
    }

    /// Everything added so far.
    pub(crate) fn into_string(self) -> String {
        self.out
    }
}

/// One cell of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    tone: Tone,
    text: String,
}

impl Cell {
    /// A cell in this tone.
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: visible(&text.into()),
        }
    }

    /// A cell in no particular tone.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// Rows of aligned cells, two blanks between columns, nothing after the last cell of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    indent: usize,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// No rows yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// No rows yet, each to start after `indent` blanks.
    pub(crate) fn indented(indent: usize) -> Self {
        Self {
            indent,
            rows: Vec::new(),
        }
    }

    /// Adds the row of column names.
    pub(crate) fn head(&mut self, names: &[&str]) {
        self.row(
            names
                .iter()
                .map(|name| Cell::new(Tone::Faint, *name))
                .collect(),
        );
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    fn write(&self, out: &mut String, paint: Paint) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.text.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let last = row.iter().rposition(|cell| !cell.text.is_empty());
            let mut line = " ".repeat(self.indent);
            for (column, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
                line.push_str(&paint.paint(cell.tone, &cell.text));
                // A column that is empty in every row takes no room.
                if Some(column) != last && widths[column] > 0 {
                    let pad = widths[column] - cell.text.chars().count() + 2;
                    write!(line, "{:pad$}", "").expect("writing to a String cannot fail");
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let mut table = Table::indented(2);
        table.head(&["tenant", "", "part"]);
        table.row(vec![
            Cell::plain("é"),
            Cell::plain(""),
            Cell::new(Tone::Good, "work"),
        ]);
        table.row(vec![
            Cell::plain("buildos-dev"),
            Cell::plain(""),
            Cell::plain(""),
        ]);
        let render = |color| {
            let mut text = Text::new(color);
            text.table(&table);
            text.into_string()
        };
        assert_eq!(
            render(false),
            "  tenant       part\n  é            work\n  buildos-dev\n"
        );
        assert!(render(true).contains("\u{1b}[32mwork\u{1b}[0m"));
    }

    #[test]
    fn text_of_others_cannot_steer_a_terminal() {
        assert_eq!(visible("a\u{1b}]0;x\u{7}b\n"), "a\\u{1b}]0;x\\u{7}b\\n");
        assert_eq!(
            Paint::new(true).paint(Tone::Plain, "\u{1b}[2J"),
            "\\u{1b}[2J"
        );
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        for (n, noun, expected) in [
            (1, "tenant", "1 tenant"),
            (0, "error", "0 errors"),
            (2, "entry", "2 entries"),
            (3, "day", "3 days"),
        ] {
            assert_eq!(count(n, noun), expected);
        }
    }
}
