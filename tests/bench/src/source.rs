//! A generated source repository: N tenants of about twenty objects each, no two alike.
//!
//! Tenant `i` at revision `r` is a function of both, so that a change of one tenant is a new revision of its files.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::rng::Rng;

/// Files by path relative to the root of the source repository.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

const WORDS: [&str; 16] = [
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "juniper",
    "krill", "lumen", "maple", "north", "orchid", "pebble",
];
const KEYS: [&str; 12] = [
    "LOG_LEVEL",
    "REGION",
    "CACHE_TTL",
    "QUEUE_URL",
    "FEATURES",
    "MAX_BODY",
    "SENTRY_ENV",
    "PUBLIC_URL",
    "WORKERS",
    "TIMEZONE",
    "LOCALE",
    "UPSTREAM",
];
const OPERATIONS: [(&str, &str, &str); 5] = [
    ("create_charge", "POST", "/v1/charges"),
    ("get_charge", "GET", "/v1/charges"),
    ("list_customers", "GET", "/v1/customers"),
    ("send_message", "POST", "/v2/messages"),
    ("refund", "POST", "/v1/refunds"),
];

/// The name of tenant `i`.
pub(crate) fn name(i: usize) -> String {
    format!("{}-{i:05}", WORDS[i % WORDS.len()])
}

/// What the operator says for all tenants.
pub(crate) fn platform() -> Outcome<Files> {
    let gateway = json!({
        "name": "public", "namespace": "gateways", "listener": "https", "ingress_namespace": "gateways",
    });
    Ok(BTreeMap::from([
        file(
            "platform/clusters.json",
            &json!({ "clusters": { "in-cluster": { "gateway": gateway } } }),
        )?,
        file(
            "platform/images.json",
            &json!({ "registries": ["registry.example.com", "ghcr.io/example"] }),
        )?,
    ]))
}

/// What the operator says of tenant `i`.
pub(crate) fn operator(i: usize) -> Outcome<Files> {
    let path = format!("platform/tenants/{}.json", name(i));
    let value = json!({ "plan": "pro", "org": format!("org-{:03}", i / 7) });
    Ok(BTreeMap::from([file(&path, &value)?]))
}

/// The bundle of tenant `i` at a revision: another image at each, and now and then another setting.
pub(crate) fn tenant(i: usize, revision: u64) -> Outcome<Files> {
    let seed = u64::try_from(i)?;
    let mut rng = Rng::new(seed);
    let name = name(i);
    let at = |file: &str| format!("tenants/{name}/{file}");
    Ok(BTreeMap::from([
        file(&at("bundle.json"), &json!({ "tenant": { "name": name } }))?,
        file(&at("apps.json"), &apps(&name, revision, &mut rng))?,
        file(&at("connectors.json"), &connectors(&mut rng))?,
        file(&at("settings.json"), &settings(revision, &mut rng))?,
    ]))
}

fn apps(tenant: &str, revision: u64, rng: &mut Rng) -> Value {
    let mut web = json!({
        "name": "web",
        "image": format!("registry.example.com/{tenant}/web:{}.{revision}.{}", rng.between(1, 9), rng.between(0, 99)),
        "port": rng.between(3000, 9000),
        "replicas": rng.between(1, 4),
        "resources": { "cpu": format!("{}m", rng.between(1, 10) * 25), "memory": format!("{}Mi", rng.between(1, 6) * 64) },
        "env": env(revision, rng),
        "secrets": { "SESSION_KEY": "session_key" },
        "configs": ["main"],
        "health": { "path": "/healthz" },
        "domains": [format!("{tenant}.example.com")],
        "policy": "web",
        "calls": ["worker"],
    });
    if rng.one_in(3) {
        web["domains"] = json!([
            format!("{tenant}.example.com"),
            format!("www.{tenant}.example.org")
        ]);
    }
    let mut worker = json!({
        "name": "worker",
        "image": format!("ghcr.io/example/worker@sha256:{}", rng.hex(64)),
        "port": 8080,
        "resources": { "cpu": "50m", "memory": "128Mi" },
        "env": env(revision / 5, rng),
        "args": ["--queue", rng.pick(&WORDS), "--batch", rng.between(1, 500).to_string()],
        "egress": "internet-no-smtp",
    });
    if rng.one_in(4) {
        worker["volumes"] = json!([{ "name": "cache", "mount": "/var/lib/worker", "size": "2Gi", "class": "fast" }]);
    }
    json!({ "apps": [web, worker] })
}

fn env(revision: u64, rng: &mut Rng) -> Value {
    let mut env = Map::new();
    for key in KEYS {
        if rng.one_in(2) {
            env.insert(
                key.to_owned(),
                format!("{}-{}", rng.pick(&WORDS), rng.between(0, 9_999)).into(),
            );
        }
    }
    env.insert("RELEASE_RING".to_owned(), (revision / 3).to_string().into());
    Value::Object(env)
}

fn connectors(rng: &mut Rng) -> Value {
    let mut connector = json!({
        "type": "http",
        "name": "payments",
        "policy": "payments",
        "secret_ref": "payments_key",
        "config": {
            "base_url": format!("https://api.{}-{}.example.net", rng.pick(&WORDS), rng.between(1, 99)),
            "auth": { "scheme": "bearer" },
        },
    });
    let from = usize::try_from(rng.between(0, 3)).unwrap_or(0);
    connector["operations"] = OPERATIONS[from..from + 2]
        .iter()
        .map(|(id, method, path)| {
            let mut operation = json!({ "operation_id": id, "method": method, "path": path });
            if *method == "POST" {
                operation["payload_schema"] = json!({
                    "type": "object",
                    "required": ["amount", "currency"],
                    "properties": {
                        "amount": { "type": "integer", "minimum": rng.between(1, 50) },
                        "currency": { "type": "string", "pattern": "^[a-z]{3}$" },
                        "reference": { "type": "string", "maxLength": rng.between(16, 256) },
                    },
                });
            }
            operation
        })
        .collect();
    json!({ "connectors": [connector] })
}

fn settings(revision: u64, rng: &mut Rng) -> Value {
    let timeout = |rng: &mut Rng| json!({ "connect_ms": rng.between(2, 20) * 100, "total_ms": rng.between(20, 300) * 100 });
    json!({
        "policies": [
            { "name": "web", "timeout_json": timeout(rng), "circuit_breaker_json": { "max_parallel": rng.between(50, 400) } },
            {
                "name": "payments",
                "timeout_json": timeout(rng),
                "retry_json": { "attempts": rng.between(1, 5), "base_ms": 100, "max_ms": 2000, "status_codes": [429, 502, 503] },
                "rate_limit_json": { "requests": rng.between(5, 90), "per": "second" },
            },
        ],
        "secret_refs": [
            { "name": "session_key", "ref": "env://SESSION_KEY" },
            { "name": "payments_key", "ref": "env://PAYMENTS_KEY" },
        ],
        "configs": [
            { "name": "main", "version": "v1", "data": data(rng) },
            // A version never changes; a change of settings is another version.
            { "name": "main", "version": format!("r{}", revision / 5), "data": { "ring": revision / 5, "more": data(rng) }, "activate": true },
            { "name": "queues", "version": "v1", "data": data(rng), "activate": true },
        ],
    })
}

fn data(rng: &mut Rng) -> Value {
    let mut data = Map::new();
    for _ in 0..rng.between(3, 12) {
        let key = format!("{}_{}", rng.pick(&WORDS), rng.between(0, 99));
        let value = match rng.between(0, 3) {
            0 => json!(rng.between(0, 100_000)),
            1 => json!(rng.one_in(2)),
            2 => json!([rng.pick(&WORDS), rng.pick(&WORDS)]),
            _ => {
                json!({ "limit": rng.between(0, 99), "note": format!("{} {}", rng.pick(&WORDS), rng.pick(&WORDS)) })
            }
        };
        data.insert(key, value);
    }
    Value::Object(data)
}

fn file(path: &str, value: &Value) -> Outcome<(String, Vec<u8>)> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok((path.to_owned(), bytes))
}
