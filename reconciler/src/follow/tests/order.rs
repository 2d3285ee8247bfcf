//! Which part is looked at first.

use super::*;
use crate::follow::pass::Task;

/// Only writes down what it is given.
struct Recorder(Rc<RefCell<Vec<Key>>>);

impl Runner for Recorder {
    fn room(&self) -> usize {
        1
    }

    fn submit(&mut self, key: Key, _: Task) {
        self.0.borrow_mut().push(key);
    }

    fn wait(&mut self, _: Duration) -> Vec<Event> {
        Vec::new()
    }
}

#[test]
fn a_pointer_that_moved_is_before_looks_that_are_overdue() {
    let world = World::new();
    let tenants = ["acme", "bolt", "calm", "dawn", "echo"];
    for tenant in tenants {
        world.web(tenant, "1");
    }
    let mut follower = world.follower();
    world.run(&mut follower, 30);
    let started = Rc::new(RefCell::new(Vec::new()));
    follower.runner = Box::new(Recorder(Rc::clone(&started)));
    *world.clock.0.borrow_mut() += Duration::from_hours(1);
    world.web("echo", "2");
    follower.turn();
    let first: Vec<String> = started.borrow().iter().map(|k| k.0.to_string()).collect();
    assert_eq!(first, ["echo", "acme", "bolt", "calm", "dawn"]);
}
