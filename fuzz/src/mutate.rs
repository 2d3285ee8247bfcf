//! Changes of JSON documents as trees: bytes that are changed at random are hardly ever JSON, let alone a bundle.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use orz_core::Value;

/// Values that are right in one place and wrong in the next.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "2",
    "80",
    "443",
    "8080",
    "65535",
    "65536",
    "100",
    "1000",
    "60000",
    "1e9",
    "0.5",
    "9007199254740993",
    "18446744073709551615",
    "\"\"",
    "\"a\"",
    "\"web\"",
    "\"search\"",
    "\"acme\"",
    "\"shop\"",
    "\"default\"",
    "\"kube-system\"",
    "\"orz-secrets\"",
    "\"http\"",
    "\"payments\"",
    "\"edge\"",
    "\"stripe_key\"",
    "\"v1\"",
    "\"v2\"",
    "\"free\"",
    "\"pro\"",
    "\"fast\"",
    "\"-\"",
    "\"a-b\"",
    "\"a--b\"",
    "\"a_b\"",
    "\"A\"",
    "\"a.b\"",
    "\"..\"",
    "\"/\"",
    "\"/a\"",
    "\"//\"",
    "\"/a/../b\"",
    "\"/data\"",
    "\"/%2e%2e\"",
    "\"\\n\"",
    "\"\\u0000\"",
    "\"\\u001b[2J\"",
    "\"\\u202e\"",
    "\"\\ud83d\\ude00\"",
    "\"é\"",
    "\"$(A)\"",
    "\"$$(A)\"",
    "\"{{ x }}\"",
    "\"*\"",
    "\"*.example.com\"",
    "\"example.com.\"",
    "\"EXAMPLE.com\"",
    "\"shop.example.com\"",
    "\"a.platform.example.com\"",
    "\"127.0.0.1\"",
    "\"::1\"",
    "\"localhost\"",
    "\"https://example.com\"",
    "\"http://example.com:0\"",
    "\"https://user:pw@example.com/?q#f\"",
    "\"https://[::1]/\"",
    "\"https://169.254.169.254/\"",
    "\"https://xn--a.example\"",
    "\"env://A\"",
    "\"vault://kv/acme/a#b\"",
    "\"vault://kv/../other/a#b\"",
    "\"aws-sm://acme/a\"",
    "\"k8s://acme/a\"",
    "\"ghcr.io/acme/a:1\"",
    "\"ghcr.io/acme/a:latest\"",
    "\"ghcr.io/acme/../x:1\"",
    "\"10m\"",
    "\"1.5\"",
    "\"1Gi\"",
    "\"999999999999Ti\"",
    "\"1e3\"",
    "\"-1\"",
    "\"0\"",
    "\"PORT\"",
    "\"1A\"",
    "[]",
    "{}",
    "[{}]",
    "[\"a\", \"a\"]",
    "{\"\": \"\"}",
    "{\"type\": \"object\"}",
    "{\"$ref\": \"#\"}",
    "{\"pattern\": \"(a+)+$\"}",
    "{\"$ref\": \"https://example.com/schema\"}",
    "{\"type\": \"no\"}",
];

/// Texts that turn one name into another, or into none.
const ENDS: &[&str] = &[
    "-",
    "x",
    "-x",
    "--x",
    ".x",
    "/x",
    ":x",
    "_",
    "0",
    " ",
    "\n",
    "é",
    "\u{1f600}",
    "%",
];

/// `data` with a few changes to the documents in it, which zero bytes separate; `None` if none of them is JSON.
///
/// `prefix` bytes stand before each document.
pub fn mutate(data: &[u8], prefix: usize, seed: u32) -> Option<Vec<u8>> {
    let mut random = Random(u64::from(seed) | 1 << 40);
    let mut parts: Vec<Vec<u8>> = data.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let chosen = random.below(parts.len());
    let (head, body) = parts[chosen].split_at_checked(prefix)?;
    let mut document: Value = serde_json::from_slice(body).ok()?;
    change(&mut document, &mut random);
    while random.below(3) == 0 {
        change(&mut document, &mut random);
    }
    let mut changed = head.to_vec();
    changed.extend(document.to_string().bytes());
    parts[chosen] = changed;
    Some(parts.join(&0))
}

/// Whether each of the documents in `data` is JSON; see [`mutate`].
pub fn is_json(data: &[u8], prefix: usize) -> bool {
    data.split(|byte| *byte == 0).all(|part| {
        let body = part.get(prefix..).unwrap_or_default();
        part.is_empty() || serde_json::from_slice::<Value>(body).is_ok()
    })
}

fn change(document: &mut Value, random: &mut Random) {
    let total = count(document);
    let copied = find(document, random.below(total)).clone();
    let target = find(document, random.below(total));
    match (random.below(8), &mut *target) {
        (0, Value::Array(items)) if !items.is_empty() => {
            items.remove(random.below(items.len()));
        }
        (0, Value::Object(map)) if !map.is_empty() => {
            let key = map.keys().nth(random.below(map.len())).cloned();
            map.remove(&key.unwrap_or_default());
        }
        (1 | 2, Value::Array(items)) if !items.is_empty() => {
            let mut again = items[random.below(items.len())].clone();
            if let Some(Value::String(name)) = again.get_mut("name") {
                name.push_str(random.one_of(ENDS));
            }
            items.insert(random.below(items.len() + 1), again);
        }
        (1..=3, Value::Array(items)) => items.push(copied),
        (1 | 2, Value::Object(map)) => {
            map.insert(random.one_of(words()).to_owned(), any_value(random));
        }
        (3, Value::Object(map)) => {
            map.insert(random.one_of(words()).to_owned(), copied);
        }
        (4, _) => *target = copied,
        (5 | 6, Value::String(text)) => change_text(text, random),
        (5 | 6, Value::Number(number)) => {
            let near = number.as_i64().unwrap_or_default();
            *target = near
                .wrapping_add(random.below(3).cast_signed() as i64 - 1)
                .into();
        }
        _ => *target = any_value(random),
    }
}

fn change_text(text: &mut String, random: &mut Random) {
    match random.below(6) {
        0 => {
            text.pop();
        }
        1 => *text = text.repeat(2 + random.below(40)),
        2 => text.insert_str(0, random.one_of(ENDS)),
        3 => *text = text.to_uppercase(),
        4 => {
            text.clear();
            text.push_str(random.one_of(words()));
        }
        _ => text.push_str(random.one_of(ENDS)),
    }
}

fn any_value(random: &mut Random) -> Value {
    let text = random.one_of(VALUES);
    serde_json::from_str(text).expect("the values above are JSON")
}

/// Every key and every word of an enumeration that some schema knows.
fn words() -> &'static [String] {
    static WORDS: OnceLock<Vec<String>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut words = BTreeSet::new();
        for (_, schema) in orz_compiler::schemas() {
            collect(&schema, &mut words);
        }
        words.into_iter().collect()
    })
}

fn collect(schema: &Value, words: &mut BTreeSet<String>) {
    if let Some(Value::Object(properties)) = schema.get("properties") {
        words.extend(properties.keys().cloned());
    }
    if let Some(Value::Array(choices)) = schema.get("enum") {
        words.extend(choices.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(map) => map.values().for_each(|item| collect(item, words)),
        _ => {}
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// The value of this number, counted from the root, which is 0.
fn find(value: &mut Value, mut number: usize) -> &mut Value {
    if number == 0 {
        return value;
    }
    number -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(map) => map.values_mut().collect(),
        _ => Vec::new(),
    };
    for child in children {
        let size = count(child);
        if number < size {
            return find(child, number);
        }
        number -= size;
    }
    unreachable!("the number is below the count of values")
}

/// Xorshift: the same seed makes the same changes.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn one_of<'a, T: AsRef<str>>(&mut self, texts: &'a [T]) -> &'a str {
        texts[self.below(texts.len())].as_ref()
    }
}
