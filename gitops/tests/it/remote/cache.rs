use std::fs;
use std::path::Path;

use orz_gitops::Repo;

use super::{World, live_in, packs, publish, releases};

#[test]
fn a_broken_cache_is_made_anew() {
    type Break = fn(&Path);
    let breaks: [(&str, Break); 7] = [
        ("a pack is cut off", |cache| {
            for pack in packs(cache) {
                let bytes = fs::read(&pack).expect("a pack");
                fs::remove_file(&pack).expect("removed");
                fs::write(&pack, &bytes[..bytes.len() / 2]).expect("written");
            }
        }),
        ("the packs are gone and their indexes are not", |cache| {
            for pack in packs(cache) {
                fs::remove_file(&pack).expect("removed");
            }
        }),
        ("all packs are gone", |cache| {
            fs::remove_dir_all(cache.join("objects/pack")).expect("removed");
            fs::create_dir(cache.join("objects/pack")).expect("a folder");
        }),
        ("no objects", |cache| {
            fs::remove_dir_all(cache.join("objects")).expect("removed");
        }),
        ("no settings that can be read", |cache| {
            fs::write(cache.join("config"), "[core").expect("written");
        }),
        ("a branch that is no id", |cache| {
            fs::write(cache.join("refs/heads/main"), "nonsense\n").expect("written");
        }),
        ("an empty folder", |cache| {
            fs::remove_dir_all(cache).expect("removed");
            fs::create_dir(cache).expect("a folder");
        }),
    ];
    for (what, breaks) in breaks {
        let world = World::new();
        let ids = releases(&world.open("ann"), "acme", &["one", "two"]);
        breaks(&world.cached("ann"));
        let ann = Repo::open_remote(&world.url(), &world.options("ann"))
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(live_in(&ann, "acme").as_ref(), ids.last(), "{what}");
        publish(&ann, "acme", "three");
        let left = fs::read_dir(world.cache("ann")).expect("the cache").count();
        assert!(left <= 3, "{what}: nothing else is left");
        world.is_sound();
    }
}

#[test]
fn a_broken_cache_stays_while_the_remote_is_away() {
    let world = World::new();
    releases(&world.open("ann"), "acme", &["one"]);
    let cut = packs(&world.cached("ann")).remove(0);
    let bytes = fs::read(&cut).expect("a pack");
    fs::remove_file(&cut).expect("removed");
    fs::write(&cut, &bytes[..10]).expect("written");
    world.away();
    Repo::open_remote(&world.url(), &world.options("ann")).expect_err("away");
    assert!(cut.exists(), "what is left of it may be all that is left");
    world.back();
    assert!(live_in(&world.open("ann"), "acme").is_some());
}

#[test]
fn many_fetches_leave_few_packs() {
    let world = World::new();
    let ann = world.open("ann");
    for n in 0..56 {
        publish(&ann, "acme", &n.to_string());
        if n % 2 == 0 {
            world.open("bob");
        }
    }
    assert!(packs(&world.cached("ann")).len() <= 52);
    assert!(packs(&world.cached("bob")).len() <= 52);
}
