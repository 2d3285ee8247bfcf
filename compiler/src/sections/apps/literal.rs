//! Values of environment variables as the kubelet must be given them to hand them on unchanged.

/// `text` so that the kubelet makes `text` of it.
///
/// The kubelet takes `$(NAME)` for another variable and `$$` for one `$`. A `$` that stands alone is itself in
/// both readings and stays as it was written.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, tail) = rest.split_at(at);
        let after = tail.trim_start_matches('$');
        let run = &tail[..tail.len() - after.len()];
        out.push_str(before);
        out.push_str(run);
        if run.len() > 1 || after.starts_with('(') {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kubelet makes of a value when every variable is `LEAK`.
    fn kubelet(value: &str) -> String {
        let mut out = String::new();
        let mut rest = value;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let tail = &rest[at + 1..];
            rest = if let Some(after) = tail.strip_prefix('$') {
                out.push('$');
                after
            } else if let Some((_, after)) = tail
                .strip_prefix('(')
                .and_then(|inside| inside.split_once(')'))
            {
                out.push_str("LEAK");
                after
            } else {
                out.push('$');
                tail
            };
        }
        out + rest
    }

    #[test]
    fn what_is_written_is_what_the_program_sees() {
        let pieces = ["$", "$$", "(", "A", ")", "(B)", "", " "];
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    for d in pieces {
                        let text = [a, b, c, d].concat();
                        assert_eq!(kubelet(&literal(&text)), text, "{:?}", literal(&text));
                    }
                }
            }
        }
        for (text, expected) in [
            ("costs $5 at $HOME", "costs $5 at $HOME"),
            ("$(B)", "$$(B)"),
            ("$$(B)", "$$$$(B)"),
            ("a$$b", "a$$$$b"),
        ] {
            assert_eq!(literal(text), expected);
        }
    }
}
