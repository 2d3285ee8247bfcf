//! Every code of the reader, with the whole text that people see.

use super::cases::CASES;
use super::*;
use crate::diag::codes::syntax::*;

#[test]
fn every_code_is_raised_and_shown() {
    for case in CASES {
        let told = read(case.path, case.input).expect_err("this is no document");
        assert_eq!(told, case.told, "\n{told}");
        assert!(
            told.contains(&format!("[{}]: ", case.code.name)),
            "{} is not raised:\n{told}",
            case.code.name
        );
    }
}

#[test]
fn every_code_has_a_case() {
    for code in CODES {
        let by_size = [&DOCUMENT_TOO_LARGE, &NESTING_TOO_DEEP].contains(code);
        assert!(
            by_size || CASES.iter().any(|case| case.code == *code),
            "no case of {}",
            code.name
        );
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_costs_much() {
    let told =
        |path: &str, input: String| read(path, input.as_bytes()).expect_err("this is too large");
    let large = format!("[\"{}\"]", "a".repeat(crate::read::MAX_BYTES));
    for path in ["a.json", "a.yaml"] {
        let size = "error[document-too-large]: the file has 1048580 bytes, more than 1048576\n--> ";
        assert!(told(path, large.clone()).starts_with(&format!("{size}{path}\n")));
        let values = told(
            path,
            format!("[{}1]", "1, ".repeat(crate::read::MAX_VALUES)),
        );
        assert!(
            values
                .starts_with("error[document-too-large]: the document has more than 100000 values"),
            "{values}"
        );
        for (open, depth) in [("[", 65), ("{\"a\": ", 65), ("[", 300_000)] {
            let deep = told(path, open.repeat(depth));
            let column = 64 * open.len() + 1;
            let expected = format!(
                "error[nesting-too-deep]: lists and maps are nested more than 64 deep\n --> {path}:1:{column}\n"
            );
            assert!(deep.starts_with(&expected), "{deep}");
        }
    }
    let block = (0..65)
        .map(|n| format!("{}a:\n", "  ".repeat(n)))
        .collect::<Vec<_>>()
        .concat();
    assert!(
        told("a.yaml", format!("{block}{}b: 1\n", "  ".repeat(65)))
            .contains(" --> a.yaml:65:129\n")
    );
    assert!(told("a.yaml", "- ".repeat(100_000)).starts_with("error[nesting-too-deep]"));
    // A thousand million values, if aliases were expanded.
    let level = |n: usize| {
        format!(
            "l{n}: &l{n} [{}]\n",
            vec![format!("*l{}", n - 1); 10].join(", ")
        )
    };
    let bomb = (1..10).map(level).collect::<Vec<_>>().concat();
    let bomb = told("a.yaml", format!("l0: &l0 [1]\n{bomb}"));
    assert_eq!(bomb.matches("error[anchor-not-allowed]").count(), 100);
    // Many times the same mistake does not hide that there is another.
    let many = told(
        "a.yaml",
        format!("{}b: *x\nb: [\n", "# \u{200b}\n".repeat(1_000)),
    );
    assert_eq!(many.matches("warning[hidden-character]").count(), 20);
    assert!(
        many.contains("error[anchor-not-allowed]") && many.contains("error[truncated-document]"),
        "{many}"
    );
    assert!(many.contains("980 more problems of this file are left out"));
}

#[test]
fn the_greatest_document_that_is_accepted() {
    let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
    let wide = format!("[{}1]", "1, ".repeat(crate::read::MAX_VALUES - 2));
    let long = format!("{{\"{}\": 1}}", "k".repeat(100_000));
    // Depth is what is open at the same time.
    let side_by_side = format!("[{}{{}}]", "[], {\"a\": [1]}, ".repeat(100));
    for input in [&deep, &wide, &long, &side_by_side] {
        assert!(read("a.json", input.as_bytes()).is_ok());
    }
    for input in [
        &deep,
        &wide,
        &side_by_side,
        &long
            .replacen('{', "? ", 1)
            .replacen("\": 1}", "\"\n: 1\n", 1),
    ] {
        assert!(read("a.yaml", input.as_bytes()).is_ok());
    }
}

#[test]
fn a_duplicate_is_found_in_maps_of_any_size() {
    for size in [1, 2, 15, 16, 17, 18, 40] {
        for second in 0..size {
            let keys = (0..size).chain([second]).map(|n| format!("\"k{n}\": {n}"));
            let told = read(
                "a.json",
                format!("{{\n{}\n}}", keys.collect::<Vec<_>>().join(",\n")).as_bytes(),
            )
            .expect_err("a key is there twice");
            assert_eq!(told.matches("[duplicate-key]").count(), 1, "{told}");
            let (first, again) = (
                format!("{} | \"k{second}\": {second}", second + 2),
                format!(" --> a.json:{}:1\n", size + 2),
            );
            assert!(told.contains(&first) && told.contains(&again), "{told}");
        }
    }
}
