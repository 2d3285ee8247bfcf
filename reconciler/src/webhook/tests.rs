//! Over real sockets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

const SECRET: &str = "It's a Secret to Everybody";
/// The digest that GitHub's documentation gives for the body `Hello, World!` under that secret.
const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const PATIENCE: Duration = Duration::from_mins(2);

struct Server {
    address: SocketAddr,
    looks: Arc<AtomicU64>,
    folder: tempfile::TempDir,
}

fn server() -> TestResult<Server> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("secret"), format!("{SECRET}\n"))?;
    let looks = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&looks);
    let secret = SecretFile::open(&folder.path().join("secret"))?;
    let address = listen("127.0.0.1:0".parse()?, secret, Log::default(), move || {
        counted.fetch_add(1, Ordering::SeqCst);
    })?;
    Ok(Server {
        address,
        looks,
        folder,
    })
}

impl Server {
    /// Sends bytes; the answer's status, or 0 when the connection was closed without one.
    fn send(&self, request: &[u8]) -> TestResult<u16> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // Whoever is refused early may be closed while it still sends.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        Ok(answer.split(' ').nth(1).map_or(Ok(0), str::parse)?)
    }

    fn post(&self, headers: &[&str], body: &str) -> TestResult<u16> {
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n",
            body.len()
        );
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        self.send(format!("{request}\r\n{body}").as_bytes())
    }

    fn looks(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }
}

#[test]
fn who_knows_the_secret_is_heard_and_nobody_else() -> TestResult {
    let server = server()?;
    let (signed, token) = (
        format!("X-Hub-Signature-256: {SIGNED}"),
        format!("X-Gitlab-Token: {SECRET}"),
    );
    let body = "Hello, World!";
    let other = format!("X-Hub-Signature-256: sha256={}", "0".repeat(64));
    for (headers, body, expected) in [
        (&[][..], body, 401),
        (&[&other[..]], body, 401),
        (&[&signed], "Hello, World?", 401),
        (&[&signed], "", 401),
        (&["X-Gitlab-Token: It's a Secret to Everybod"], body, 401),
        (&["X-Gitlab-Token: "], body, 401),
        // The old digest of GitHub is none.
        (&["X-Hub-Signature: sha1=0"], body, 401),
        (&["X-Hub-Signature-256: sha256=1"], body, 400),
        (&["X-Hub-Signature-256: 757107ea"], body, 400),
        (&[&signed, &signed], body, 400),
        (&[&signed, &token], body, 400),
        (&[&token, &token], body, 400),
    ] {
        assert_eq!(server.post(headers, body)?, expected, "{headers:?} {body}");
    }
    assert_eq!(server.looks(), 0);
    assert_eq!(server.post(&[&signed], body)?, 202);
    assert_eq!(server.post(&[&token], "")?, 202);
    let chunked = format!(
        "POST /any/path HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{signed}\r\n\r\n5\r\nHello\r\n8\r\n, World!\r\n0\r\n\r\n"
    );
    assert_eq!(server.send(chunked.as_bytes())?, 202);

    // Another secret, and the file gone altogether.
    let path = server.folder.path().join("secret");
    fs::write(&path, format!("another secret of ours\n{SECRET}\n"))?;
    assert_eq!(
        server.post(&["X-Gitlab-Token: another secret of ours"], "")?,
        202
    );
    assert_eq!(server.post(&[&token], "")?, 202);
    fs::write(&path, "another secret of ours\n")?;
    assert_eq!(server.post(&[&token], "")?, 401);
    fs::remove_file(&path)?;
    assert_eq!(
        server.post(&["X-Gitlab-Token: another secret of ours"], "")?,
        202
    );
    Ok(())
}

#[test]
fn bad_requests_are_answered_and_many_good_ones_are_few_looks() -> TestResult {
    let server = server()?;
    let signed = format!("X-Hub-Signature-256: {SIGNED}");
    let large =
        format!("POST / HTTP/1.1\r\nHost: a\r\n{signed}\r\nContent-Length: 26214401\r\n\r\n");
    let chunk = format!("1000000\r\n{}\r\n", "x".repeat(0x0100_0000));
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: a\r\n{signed}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{chunk}"
    );
    let headers = format!("POST / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(100_000));
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[405][..]),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            &[405],
        ),
        ("hello\r\n\r\n", &[400]),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", &[400]),
        (&large, &[413]),
        // Whoever still sends may miss the answer.
        (&chunked, &[413, 0]),
        (&headers, &[431, 0]),
    ] {
        let status = server.send(request.as_bytes())?;
        let start: String = request.chars().take(40).collect();
        assert!(expected.contains(&status), "{status}: {start:?}");
    }
    assert_eq!(server.looks(), 0);

    // Slow ones and those that break off take no place from the others.
    let mut slow = Vec::new();
    for _ in 0..CONNECTIONS / 2 {
        let mut stream = TcpStream::connect(server.address)?;
        stream.write_all(b"POST / HTTP/1.1\r\nContent-")?;
        slow.push(stream);
    }
    let began = Instant::now();
    for _ in 0..40 {
        assert_eq!(server.post(&[&signed], "Hello, World!")?, 202);
    }
    let seconds = began.elapsed().as_secs();
    while server.looks() == 0 && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(20));
    }
    let looks = server.looks();
    assert!(
        (1..=seconds + 2).contains(&looks),
        "{looks} looks in {seconds} s"
    );

    // With all places taken, the next one is closed; when they are given up there is room again.
    for _ in 0..CONNECTIONS {
        slow.push(TcpStream::connect(server.address)?);
    }
    drop(slow);
    let began = Instant::now();
    while server.post(&[&signed], "Hello, World!")? != 202 {
        assert!(began.elapsed() < PATIENCE, "no place was given up");
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn a_secret_is_long_and_never_shown() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("secret");
    assert!(matches!(
        SecretFile::open(&path),
        Err(SecretError::Unreadable { .. })
    ));
    for text in ["", "\n\n", "short", "long enough for a secret\nshort\n"] {
        fs::write(&path, text)?;
        let error = SecretFile::open(&path)
            .err()
            .ok_or("too short a secret was taken")?;
        assert!(!format!("{error} {error:?}").contains("enough"), "{error}");
    }
    fs::write(&path, "long enough for a secret\n")?;
    assert!(!format!("{:?}", SecretFile::open(&path)?).contains("enough"));
    Ok(())
}
