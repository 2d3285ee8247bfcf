//! Characters that a person cannot see, or that change how the rest of a line looks.

/// Why a character may not stand in a document as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// Control characters and non-characters: terminals, editors and YAML readers treat them in different ways.
    Control,
    /// Reorders the text around it or breaks the line in some readers only: what is reviewed is not what is read.
    Deceiving,
    /// Takes no room: two texts that look alike are different.
    Invisible,
}

/// What is wrong with `c` in a document; `None` for every character that can be seen, space, tab, CR and LF.
pub(crate) const fn unseen(c: char) -> Option<Unseen> {
    match c {
        '\t' | '\n' | '\r' | ' '..='~' => None,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => Some(Unseen::Control),
        '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => Some(Unseen::Deceiving),
        '\u{ad}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2064}'
        | '\u{e0000}'..='\u{e007f}' => Some(Unseen::Invisible),
        _ => None,
    }
}

/// `c` as an escape that both JSON strings and double-quoted YAML strings accept.
pub(crate) fn escape(c: char) -> String {
    let mut units = [0; 2];
    let units = c.encode_utf16(&mut units).iter();
    units.fold(String::new(), |out, unit| format!("{out}\\u{unit:04x}"))
}
