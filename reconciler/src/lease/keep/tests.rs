use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Leases in memory.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Server>>, Arc<AtomicUsize>);

#[derive(Default)]
struct Server {
    replicas: BTreeMap<String, Member>,
    shards: BTreeMap<Shard, Lease>,
    writes: u32,
    /// How long the answer to a list is under way.
    slow: Duration,
    /// Whether lists are refused.
    refuses: bool,
    /// Shards whose leases cannot be written.
    refused: BTreeSet<Shard>,
}

impl Server {
    fn version(&mut self) -> String {
        self.writes += 1;
        self.writes.to_string()
    }
}

impl Made {
    fn lock(&self) -> MutexGuard<'_, Server> {
        self.0.lock().expect("whole")
    }

    fn lists(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    fn holders(&self, process: &str) -> usize {
        let server = self.lock();
        let holders = server.shards.values().map(|lease| lease.holder.as_deref());
        holders.filter(|holder| *holder == Some(process)).count()
    }
}

fn denied() -> ApiError {
    ApiError {
        code: 403,
        ..ApiError::unexpected("denied")
    }
}

impl Store for Made {
    fn list(&self) -> Result<Found, ApiError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let server = self.lock();
        if server.refuses {
            return Err(denied());
        }
        let shard = |shard| Lease {
            shard,
            holder: None,
            epoch: 0,
            version: None,
        };
        let shards = Shard::all().map(|s| server.shards.get(&s).cloned().unwrap_or(shard(s)));
        let found = Found {
            replicas: server.replicas.clone(),
            shards: shards.collect(),
        };
        let slow = server.slow;
        drop(server);
        thread::sleep(slow);
        Ok(found)
    }

    fn renew(
        &self,
        replica: &Replica,
        process: &str,
        _: Option<&Member>,
        _: &str,
    ) -> Result<bool, ApiError> {
        let mut server = self.lock();
        let member = Member {
            process: process.to_owned(),
            seconds: replica.lease.as_secs(),
            version: server.version(),
            uid: "u".to_owned(),
        };
        server.replicas.insert(replica.name.clone(), member);
        Ok(true)
    }

    fn give(&self, lease: &Lease, to: Option<&str>, epoch: u64, _: &str) -> Result<bool, ApiError> {
        let mut server = self.lock();
        if server.refused.contains(&lease.shard) {
            return Err(denied());
        }
        let given = Lease {
            shard: lease.shard,
            holder: to.map(str::to_owned),
            epoch,
            version: Some(server.version()),
        };
        server.shards.insert(lease.shard, given);
        Ok(true)
    }

    fn remove(&self, name: &str, _: &Member) -> Result<(), ApiError> {
        self.lock().replicas.remove(name);
        Ok(())
    }
}

fn keeper(made: &Made, name: &str, lease: Duration) -> Keeper<Made> {
    let shared = Shared {
        replica: Replica {
            name: name.to_owned(),
            lease,
        },
        state: Mutex::default(),
        changed: Condvar::new(),
    };
    Keeper {
        store: made.clone(),
        process: format!("{name}/1"),
        shared: Arc::new(shared),
        seen: BTreeMap::new(),
        renewals: 0,
        joined: false,
        stuck: STUCK,
        clock: SystemClock::start(),
        log: Log::default(),
        said: None,
    }
}

fn held(keeper: &Keeper<Made>) -> usize {
    Leases(Arc::clone(&keeper.shared)).held().shards.len()
}

#[test]
fn an_answer_that_was_long_under_way_says_nothing_of_now() {
    let made = Made::default();
    let mut keeper = keeper(&made, "r-1", Duration::from_secs(1));
    keeper.turn().expect("renewed");
    assert_eq!(held(&keeper), 16);
    let shard = "3".parse().expect("a digit");
    let term = |epoch| Leases(Arc::clone(&keeper.shared)).term(shard, epoch);
    let (term, other) = (term(1), term(2));
    assert!(term.lasts() && !other.lasts());
    made.lock().slow = Duration::from_millis(900);
    keeper.turn().expect("renewed");
    assert_eq!(held(&keeper), 0, "others may hold it by now");
    assert!(!term.lasts());
    made.lock().slow = Duration::ZERO;
    keeper.turn().expect("renewed");
    assert_eq!(held(&keeper), 16, "what is found after the renewal counts");
    assert!(term.lasts() && !other.lasts(), "nobody took it");
}

#[test]
fn who_was_not_asked_in_time_is_not_dead() {
    let made = Made::default();
    keeper(&made, "r-2", Duration::from_secs(1))
        .turn()
        .expect("renewed");
    let mut keeper = keeper(&made, "r-1", Duration::from_mins(1));
    keeper.turn().expect("renewed");
    made.lock().slow = Duration::from_millis(1_100);
    keeper.turn().expect("renewed");
    assert_eq!((held(&keeper), made.holders("r-2/1")), (0, 16));
    made.lock().slow = Duration::ZERO;
    thread::sleep(Duration::from_millis(1_100));
    keeper.turn().expect("renewed");
    assert_eq!((held(&keeper), made.holders("r-1/1")), (16, 16), "dead");
}

#[test]
fn a_shard_that_is_refused_keeps_no_other() {
    let made = Made::default();
    let mut keeper = keeper(&made, "r-1", Duration::from_mins(1));
    let refused: Shard = "3".parse().expect("a digit");
    made.lock().refused.insert(refused);
    let said = keeper.turn().expect_err("said").said;
    assert!(said.starts_with("the lease of shard 3 "), "{said}");
    assert_eq!((held(&keeper), made.holders("r-1/1")), (15, 15));

    // Given up is refused too: it stays ours, and nothing new is begun there.
    made.lock().refused.clear();
    keeper.turn().expect("all");
    made.lock().refused.extend(Shard::all());
    super::tests::keeper(&made, "r-2", Duration::from_mins(1))
        .turn()
        .expect("renewed");
    Leases(Arc::clone(&keeper.shared)).drained(&Shard::all().collect());
    keeper.turn().expect_err("refused");
    assert_eq!(held(&keeper), 8);
    let state = keeper.shared.lock();
    assert_eq!((state.held.shards.len(), state.held.leaving.len()), (16, 8));
}

#[test]
fn who_renews_and_does_nothing_else_is_let_go() {
    let made = Made::default();
    let mut keeper = keeper(&made, "r-1", Duration::from_mins(1));
    keeper.stuck = Duration::from_millis(50);
    keeper.turn().expect("the loop has not begun yet");
    keeper.turn().expect("nor now");
    assert_eq!(held(&keeper), 16);
    thread::sleep(Duration::from_millis(100));
    let writes = made.lock().writes;
    let said = keeper.turn().expect_err("not renewed").said;
    assert!(said.starts_with("nothing was done for "), "{said}");
    assert_eq!(made.lock().writes, writes);
    keeper.stuck = STUCK;
    keeper.turn().expect("the loop goes on");
    assert_eq!(made.lock().writes, writes + 1);
}

#[test]
fn a_server_that_refuses_is_not_asked_without_end() {
    let made = Made::default();
    made.lock().refuses = true;
    let mut keeper = keeper(&made, "r-1", Duration::from_secs(6));
    let leases = Leases(Arc::clone(&keeper.shared));
    leases.outdated("3".parse().expect("a digit"), 7);
    let thread = thread::spawn(move || keeper.run());
    thread::sleep(Duration::from_millis(500));
    assert!(made.lists() < 5, "{} lists", made.lists());
    made.lock().refuses = false;
    leases.stop(Duration::from_mins(2));
    thread.join().expect("ends");
    assert!(leases.held().shards.is_empty());
}
