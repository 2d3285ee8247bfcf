use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::apply::api::tests::{Asked, server};
use crate::lease::Term;
use crate::plan::plan;
use crate::testing::{config, desired};

/// Carries out that two objects are made, with these answers of a server; the requests.
fn make(answers: Vec<(u16, Value)>, term: Option<Term>) -> (EngineError, Vec<Asked>) {
    let answers = answers
        .into_iter()
        .map(|(code, body)| (code, body.to_string()));
    let (api, requests) = server(answers.collect());
    api.within(term);
    let objects = vec![config("acme", "a", "1"), config("acme", "b", "1")];
    let desired = desired("acme", orz_core::id::Part::Work, objects);
    let observation = Observation {
        intact: true,
        ..Observation::default()
    };
    let plan = plan(&desired.release, &desired.objects, &observation).expect("a plan");
    let done = carry_out(&api, None, &desired, "mark", observation, &plan);
    (
        done.expect_err("not done"),
        requests.join().expect("all were asked for"),
    )
}

fn at(version: &str) -> Value {
    json!({"metadata": {"name": "x", "uid": "u", "resourceVersion": version}})
}

#[test]
fn nothing_is_written_once_the_lease_is_over() {
    for writes in 0..3 {
        let asked = AtomicUsize::new(0);
        let term = Term::new(move || asked.fetch_add(1, Ordering::SeqCst) < writes);
        let answers = vec![(201, at("1")); writes];
        let (error, asked) = make(answers, Some(term));
        assert!(error.is_over(), "{error}");
        assert_eq!(asked.len(), writes);
    }
}

#[test]
fn what_the_replica_that_took_over_made_is_not_taken_from_it() {
    // The inventory is written; the object is there already, and by now the inventory is another one's.
    let (error, asked) = make(vec![(201, at("1")), (200, at("5")), (200, at("9"))], None);
    assert!(error.is_over(), "{error}");
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert!(lines[1].starts_with("PATCH ") && lines[2].starts_with("GET "));

    // Nobody else follows the part: then it is somebody else's object, and is left as it was.
    let answers = vec![
        (201, at("1")),
        (200, at("5")),
        (200, at("1")),
        (200, at("6")),
        (201, at("7")),
        (200, at("2")),
    ];
    let (error, asked) = make(answers, None);
    let said = error.to_string();
    assert!(
        said.contains("somebody else created it meanwhile"),
        "{said}"
    );
    let given_up: Value = serde_json::from_str(&asked[3].body).expect("JSON");
    assert_eq!(given_up.get("data"), None, "no field is stated");
}
