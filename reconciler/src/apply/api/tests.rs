use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;

use super::*;

/// A request.
pub(crate) struct Asked {
    /// Its first line.
    pub(crate) line: String,
    pub(crate) body: String,
}

/// A server that gives these answers, one for each connection, and returns the requests.
pub(crate) fn server(answers: Vec<(u16, String)>) -> (Api, thread::JoinHandle<Vec<Asked>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let api = api_of(&listener);
    let requests = thread::spawn(move || {
        answers
            .into_iter()
            .map(|(code, body)| {
                let (mut stream, _) = listener.accept().expect("a request");
                let asked = read(&mut stream);
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {code} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                )
                .expect("is read");
                asked
            })
            .collect()
    });
    (api, requests)
}

/// A whole request.
fn read(stream: &mut TcpStream) -> Asked {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    stream.read_line(&mut line).expect("a request");
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).expect("headers");
        match header.trim().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().expect("a number"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    Asked {
        line: line.trim_end().to_owned(),
        body: String::from_utf8(body).expect("UTF-8"),
    }
}

/// A client of whoever listens there.
fn api_of(listener: &TcpListener) -> Api {
    let address = listener.local_addr().expect("is bound");
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let config = json!({
        "clusters": [{"name": "x", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "users": [{"name": "x", "user": {}}],
        "current-context": "x",
    });
    std::fs::write(&kubeconfig, config.to_string()).expect("writes");
    Api::connect(&Connection {
        kubeconfig: Some(kubeconfig),
        context: None,
    })
    .expect("a client")
}

fn config_maps() -> Collection {
    Collection::new("", "v1", "ConfigMap", Some("acme")).expect("known")
}

#[test]
fn an_overloaded_server_is_asked_again() {
    let (api, requests) = server(vec![
        (503, "down".to_owned()),
        (
            429,
            json!({"kind": "Status", "reason": "TooManyRequests"}).to_string(),
        ),
        (200, json!({"metadata": {"name": "a"}}).to_string()),
    ]);
    let answer = api
        .send(&config_maps(), &Call::Get { name: "a" })
        .expect("an answer");
    assert!(answer.repeated && answer.code == 200);
    let requests = requests.join().expect("ends");
    let lines: Vec<&str> = requests.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(
        lines,
        ["GET /api/v1/namespaces/acme/configmaps/a HTTP/1.1"; 3]
    );
}

#[test]
fn a_list_is_read_to_its_last_page_or_not_at_all() {
    let page = |name: &str, token: &str| {
        json!({"metadata": {"continue": token}, "items": [{"metadata": {"name": name}}]})
            .to_string()
    };
    let (api, requests) = server(vec![(200, page("a", "next")), (200, page("b", ""))]);
    let all = api.list(&config_maps()).expect("both pages");
    assert_eq!(all.len(), 2);
    assert_eq!(
        (&all[1]["kind"], &all[1]["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
    assert!(
        requests.join().expect("ends")[1]
            .line
            .contains("continue=next")
    );

    let gone = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "the list is too old"});
    let (api, requests) = server(vec![(200, page("a", "next")), (410, gone.to_string())]);
    let error = api.list(&config_maps()).expect_err("half a list is none");
    assert_eq!(error.to_string(), "Expired (410): the list is too old");
    drop(requests.join());
}

#[test]
fn refusals() {
    let conflict = json!({
        "reason": "Conflict", "message": "Apply failed with 1 conflict", "details": {"name": "web", "causes": [
            {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl-edit\" using apps/v1", "field": ".spec.replicas"},
        ]},
    });
    let error = ApiError::refused(409, Some(&conflict), b"");
    assert_eq!(error.managers, ["kubectl-edit"]);
    let missing = json!({"reason": "NotFound", "details": {"name": "web", "kind": "deployments"}});
    assert!(!ApiError::refused(404, Some(&missing), b"").is_unknown_kind());
    let unknown = ApiError::refused(404, None, b"404 page not found\n");
    assert!(unknown.is_unknown_kind());
    assert_eq!(unknown.to_string(), "404: 404 page not found");
}

#[test]
fn a_server_that_stands_still_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let api = api_of(&listener);
    let started = std::time::Instant::now();
    let silent = api.get(&config_maps(), "a").expect_err("no answer");
    assert!(silent.unreachable, "{silent}");
    assert_eq!(
        silent.to_string(),
        "the API server did not answer: nothing for 10 s"
    );
    // Asked once, and not as often as one that refuses connections.
    assert!(started.elapsed() < READ_PATIENCE * 2);
}
