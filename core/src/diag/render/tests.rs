use super::*;
use crate::diag::FileId;
use crate::diag::codes::model::UNKNOWN_FIELD;
use crate::diag::codes::syntax::SYNTAX;

struct Files {
    sources: Sources,
    bundle: FileId,
    platform: FileId,
    long: FileId,
    empty: FileId,
}

fn files() -> Files {
    let mut sources = Sources::new();
    let bundle = sources.add(
        "tenants/acme/bundle.json",
        "{\n  \"tenant\": { \"nmae\": \"acme\" },\n  \"apps\": {\n    \"web\": 1\n  }\n}\n",
    );
    let platform = sources.add(
        "platform/clusters.json",
        "{\r\n\t\"clusters\": [\"eu😀1\"]\r\n}\r\n",
    );
    let long = format!(
        "[{}\"here\"{}]\n",
        "\"before\", ".repeat(40),
        ", \"after\"".repeat(40)
    );
    let long = sources.add("long.json", long);
    let empty = sources.add("empty.json", "");
    Files {
        sources,
        bundle,
        platform,
        long,
        empty,
    }
}

impl Files {
    /// Where `text` stands first.
    fn span(&self, file: FileId, text: &str) -> Span {
        let start = self
            .sources
            .file(file)
            .text
            .find(text)
            .expect("part of the file");
        Span {
            file,
            start,
            end: start + text.len(),
        }
    }

    fn shown(&self, diagnostic: Diagnostic, options: RenderOptions) -> String {
        render(
            &Diagnostics::from_iter([diagnostic]),
            &self.sources,
            options,
        )
    }

    fn plain(&self, diagnostic: Diagnostic) -> String {
        self.shown(diagnostic, RenderOptions::default())
    }

    /// A diagnostic with all that one can have.
    fn full(&self) -> Diagnostic {
        Diagnostic::error(
            &UNKNOWN_FIELD,
            self.span(self.bundle, "\"nmae\""),
            "unknown field `nmae`",
        )
        .label("not a field of a tenant")
        .related(self.span(self.platform, "\"eu😀1\""), "the cluster")
        .related(self.span(self.bundle, "\"web\""), "an app")
        .object("deployment.apps_acme_web.yaml#/spec/replicas")
        .help("did you mean `name`?")
        .help("or remove\nthe key")
    }
}

#[test]
fn people_see_everything_at_its_place() {
    let files = files();
    assert_eq!(files.plain(files.full()), FULL);
    let colored = files.shown(
        files.full(),
        RenderOptions {
            color: true,
            width: 0,
        },
    );
    assert!(colored.contains("\u{1b}["), "no colours in {colored:?}");
    assert_eq!(without_colors(&colored), FULL);
}

const FULL: &str = "\
error[unknown-field]: unknown field `nmae`
 --> tenants/acme/bundle.json:2:15
  |
2 |   \"tenant\": { \"nmae\": \"acme\" },
  |               ^^^^^^ not a field of a tenant
3 |   \"apps\": {
4 |     \"web\": 1
  |     ----- an app
  |
 ::: platform/clusters.json:2:15
  |
2 |     \"clusters\": [\"eu😀1\"]
  |                  ------- the cluster
  |
  = note: in the manifest `deployment.apps_acme_web.yaml#/spec/replicas`
  = help: did you mean `name`?
  = help: or remove
          the key
";

fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        out + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

#[test]
fn the_severity_and_a_missing_place_are_shown() {
    let files = files();
    let warning =
        Diagnostic::warning(&SYNTAX, None, "a folder is missing").help("create `tenants/`");
    assert_eq!(
        files.plain(warning),
        "\
warning[syntax]: a folder is missing
 |
 = help: create `tenants/`
"
    );
    let note = Diagnostic::note(
        &SYNTAX,
        files.span(files.platform, "[\"eu😀1\"]"),
        "one cluster",
    );
    assert_eq!(
        files.plain(note),
        "\
note[syntax]: one cluster
 --> platform/clusters.json:2:14
  |
2 |     \"clusters\": [\"eu😀1\"]
  |                 ^^^^^^^^^
"
    );
    let empty = Span {
        file: files.empty,
        start: 0,
        end: 0,
    };
    let empty = Diagnostic::error(&SYNTAX, empty, "nothing there").label("empty");
    assert_eq!(
        files.plain(empty),
        "error[syntax]: nothing there\n--> empty.json\n"
    );
    assert_eq!(
        files.plain(Diagnostic::error(&SYNTAX, None, "x")),
        "error[syntax]: x\n"
    );
    assert_eq!(
        render(
            &Diagnostics::new(),
            &files.sources,
            RenderOptions::default()
        ),
        ""
    );
}

#[test]
fn long_lines_and_values_are_cut() {
    let files = files();
    let here = files.span(files.long, "\"here\"");
    let first = files.span(files.long, "\"before\"");
    let diagnostic = Diagnostic::error(&SYNTAX, here, "too far")
        .label("here")
        .related(first, "not here");
    let told = files.shown(
        diagnostic,
        RenderOptions {
            color: false,
            width: 60,
        },
    );
    assert_eq!(
        told,
        "\
error[syntax]: too far
 --> long.json:1:402
  |
1 | ...\", \"before\", \"here\", \"after\", \"after\",...
  |                 ^^^^^^ here
  |
 ::: long.json:1:2
  |
1 | [\"before\", \"before\", \"before\", \"before\", ...
  |  -------- not here
"
    );
    // A value over several lines is marked where it begins.
    let map = files.span(files.bundle, "{\n    \"web\": 1\n  }");
    let told = files.plain(Diagnostic::error(&SYNTAX, map, "a map").label("begins here"));
    assert_eq!(
        told,
        "\
error[syntax]: a map
 --> tenants/acme/bundle.json:3:11
  |
3 |   \"apps\": {
  |           ^ begins here
"
    );
    let key = "k".repeat(100_000);
    let told = files.plain(
        Diagnostic::error(&SYNTAX, map, format!("`{key}`"))
            .label(&key)
            .help(&key),
    );
    assert!(told.len() < 5_000, "{} bytes", told.len());
}

#[test]
fn nothing_can_drive_the_terminal() {
    let bad = "a\u{1b}[31m\u{9b}2J\u{202e}\r\u{7}b\n\tc";
    let mut sources = Sources::new();
    let file = sources.add(bad, bad);
    let span = Span {
        file,
        start: 0,
        end: 2,
    };
    let other = Span {
        file: sources.add(bad, bad),
        start: 0,
        end: 2,
    };
    let diagnostic = Diagnostic::error(&SYNTAX, span, bad)
        .label(bad)
        .related(other, bad)
        .object(bad)
        .help(bad);
    let told = render(
        &Diagnostics::from_iter([diagnostic]),
        &sources,
        RenderOptions::default(),
    );
    assert_eq!(
        told,
        "\
error[syntax]: a\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{d}\\u{7}b\\n\\tc
 --> a\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{d}\\u{7}b\\n\\tc:1:1
  |
1 | a␛[31m�2J�␍␇b
  | ^^ a\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{d}\\u{7}b\\n\\tc
  |
 ::: a\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{d}\\u{7}b\\n\\tc:1:1
  |
1 | a␛[31m�2J�␍␇b
  | -- a\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{d}\\u{7}b\\n\\tc
  |
  = note: in the manifest `a\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{d}\\u{7}b\\n\\tc`
  = help: a\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{d}\\u{7}b
          \tc
"
    );
}

#[test]
fn spans_that_fit_no_character_are_shown_all_the_same() {
    let files = files();
    let length = files.sources.file(files.platform).text.len();
    for start in 0..length + 3 {
        for end in [start, start + 1, start + 7, 0, usize::MAX] {
            let span = Span {
                file: files.platform,
                start,
                end,
            };
            let told = files.plain(Diagnostic::error(&SYNTAX, span, "x").related(span, "y"));
            assert!(told.contains(" --> platform/clusters.json:"), "{told}");
        }
    }
}

#[test]
fn programs_get_one_object_a_diagnostic() {
    let files = files();
    let diagnostics =
        Diagnostics::from_iter([files.full(), Diagnostic::warning(&SYNTAX, None, "x")]);
    let expected = json!([
        {
            "code": "unknown-field",
            "severity": "error",
            "message": "unknown field `nmae`",
            "file": "tenants/acme/bundle.json",
            "line": 2,
            "column": 15,
            "endLine": 2,
            "endColumn": 21,
            "label": "not a field of a tenant",
            "object": "deployment.apps_acme_web.yaml#/spec/replicas",
            "related": [
                { "file": "platform/clusters.json", "line": 2, "column": 15, "label": "the cluster" },
                { "file": "tenants/acme/bundle.json", "line": 4, "column": 5, "label": "an app" },
            ],
            "help": ["did you mean `name`?", "or remove\nthe key"],
        },
        {
            "code": "syntax",
            "severity": "warning",
            "message": "x",
            "file": null,
            "line": null,
            "column": null,
            "endLine": null,
            "endColumn": null,
            "label": "",
            "object": null,
            "related": [],
            "help": [],
        },
    ]);
    assert_eq!(to_json(&diagnostics, &files.sources), expected);
    assert_eq!(to_json(&Diagnostics::new(), &files.sources), json!([]));
}
