//! Strings that some YAML reader takes for something else, or not at all.

/// At least 258 different strings, in a fixed order.
pub(crate) fn strings() -> Vec<String> {
    let mut all: Vec<String> = FIXED.iter().map(ToString::to_string).collect();
    // Every control character, alone and inside of a text.
    for c in (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32) {
        all.push(c.to_string());
        all.push(format!("a{c}b"));
    }
    for c in SPECIAL {
        all.push(c.to_string());
        all.push(format!("a{c}b"));
        all.push(format!("{c}a\nb{c}"));
    }
    for length in [80, 1_000, 1_022, 1_023, 1_024, 1_025, 2_000] {
        all.push("a".repeat(length));
        all.push("a b ".repeat(length / 4));
        all.push("é".repeat(length));
        all.push("line\n".repeat(length / 5));
    }
    all.sort();
    all.dedup();
    all
}

/// Characters that readers, editors or terminals treat in a way of their own.
pub(crate) const SPECIAL: [char; 25] = [
    '\u{a0}',
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{180e}',
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{200e}',
    '\u{2028}',
    '\u{2029}',
    '\u{202e}',
    '\u{2060}',
    '\u{2066}',
    '\u{2069}',
    '\u{d7ff}',
    '\u{e000}',
    '\u{feff}',
    '\u{fffd}',
    '\u{fffe}',
    '\u{ffff}',
    '\u{1f600}',
    '\u{1ffff}',
    '\u{e0041}',
    '\u{10ffff}',
];

#[rustfmt::skip]
pub(crate) const FIXED: &[&str] = &[
    // Booleans and null of some version.
    "y", "Y", "n", "N", "yes", "Yes", "YES", "yEs", "no", "No", "NO", "nO", "on", "On", "ON", "off", "Off", "OFF",
    "true", "True", "TRUE", "tRue", "false", "False", "FALSE", "null", "Null", "NULL", "nuLL", "~", "t", "f", "T", "F",
    "none", "None", "nil", "undefined", "nan", "NaN", "NAN", ".nan", ".NaN", ".NAN", "inf", "Inf", ".inf", ".Inf",
    ".INF", "-.inf", "+.inf", "-inf", "Infinity", "-Infinity",
    // Numbers of some version.
    "0", "1", "-1", "+1", "-0", "00", "01", "012", "0755", "-012", "089", "09.5", "0.", "1.", "1.0", "-1.0", ".5", "-.5",
    "+.5", ".", "..", "...", "1e3", "1E3", "1e+3", "1e-3", "1.5e3", "1.5e+3", "1.e+3", ".1e1", "e3", "1e", "1e+", "0e0",
    "0x1f", "0X1F", "0x", "-0x1", "0xg", "0o14", "0O7", "0o8", "0b11", "0B1", "0b2", "1_000", "0_0", "1__0", "1_", "_1",
    "0x_1", "1e3_0", "1_0.5", "1:30", "1:3", "12:30:45", "190:20:30.15", "-1:30", "8080:80", "8080:22", "1.2.3", "1.27",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
    "123456789012345678901234567890", "1e400", "1e-400", "0.1", "1/2", "50%", "1,000", "1 000", "0.0.0.0", "10.0.0.0/8",
    "1-2", "1a", "0a", "1e3Mi", "250m", "1Gi", "100", "007", "0777",
    // Dates of some version.
    "2001-01-01", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.10 -5", "2001-12-15 2:59:43.10",
    "2001-12-14T21:59:43Z", "12:00", "2001-01", "2001",
    // Indicators.
    "-", "- a", "-a", "--", "---", "--- a", "---a", "--- # a", "?", "? a", "?a", ":", ": a", ":a", "a:", "a: b", "a:b",
    "a::b", "a::", "::", "::1", "a :b", "a : b", ",", "a,b", "a, b", ",a", "[", "]", "[]", "[a]", "a[b]", "{", "}", "{}",
    "{a: b}", "{a}", "a{b}", "#", "# a", "#a", "a #b", "a# b", "a#b", "&", "&a", "&a b", "*", "*a", "a*", "!", "!a",
    "!!str a", "!!int 1", "! a", "|", "|-", "| a", ">", ">-", "> a", "'", "''", "'a'", "it's", "'a", "\"", "\"\"",
    "\"a\"", "a\"b", "\"a", "%", "%a", "%YAML 1.1", "@", "@a", "a@b", "`", "`a`", "=", "==", "=a", "<<", "<", "<<<",
    "<a>", "\\", "\\n", "\\x41", "a\\b", "\\\"", "/", "//", "/a", "$", "$(VAR)", "${VAR}", "^", "(", ")", ";", "+", "_",
    // White space.
    "", " ", "  ", " a", "a ", " a ", "a  b", "\t", "\ta", "a\t", "a\tb", " \t ", "a \tb",
    // Lines.
    "\n", "\n\n", "a\n", "\na", "a\nb", "a\nb\n", "a\n\nb", "a\n\nb\n", "a\n\n", "a\nb\n\n", "a\n\n\nb", "a\n b", "a\n  b\nc",
    " a\nb", "\ta\nb", "a \nb", "a\t\nb", "a\n\tb", "a\n \nb", "a\n  ", "  \na", "\n a", "a\r\nb", "a\r\nb\r\n", "a\rb", "\r",
    "\r\n", "a\n\rb", "a\n---\nb", "---\na", "a\n...\nb", "a\n# b", "# a\nb", "a: b\nc: d", "- a\n- b", "? a\n: b", "|\na",
    ">\na", "a\nb: c\n", "%YAML 1.1\n---\n", "\"a\nb\"", "'a\nb'", "{\n}", "[\n]", "&a\nb", "*a\nb", "!a\nb", "a\n'b", "a \n",
    "key: |\n  text\n", "a\\\nb", "0\n1", "no\n", "yes\nno", "~\n", "é\n日本", "\u{1f600}\n\u{1f600}\n", "#!/bin/sh\nset -e\n\techo x\n",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "server {\n  listen 80;\n}\n",
    // What manifests hold.
    "nginx:1.27", "ghcr.io/acme/web:1.2@sha256:0a1b", "app.kubernetes.io/name", "*.example.com", "@every 5m", "0 3 * * *",
    "*/5 * * * *", "http://a.example/b?c=d&e=f#g", "https://user:pass@host:443/", "{{ .Values.x }}", "/healthz", "0.0.0.0:80",
    "[::]:80", "127.0.0.1", "a=b", "cn=admin,dc=x", "YQ==", "=YQ", "key=", "{\"a\": [1, \"b\"]}", "quoted \"x\" 'y'",
    "--flag=value", "-c", "a; b", "a && b", "a || b", "C:\\dir", "é", "日本", "e\u{301}", "a\u{85}b\nc", "\u{feff}a", "a\u{2028}b\nc",
];
