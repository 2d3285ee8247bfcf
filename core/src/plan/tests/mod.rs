//! Plans over small releases: the document, its id, and what people read.

mod document;
mod intent;
mod release_jobs;
mod render;

use serde_json::json;

use super::*;
use crate::Value;
use crate::format::{InputFile, Source, digest_of};

/// A tenant's release before and after, enough for everything a plan says.
struct Case {
    live: Option<(Release, Vec<Object>)>,
    objects: Vec<Object>,
    inputs: Inputs,
    compiler: Compiler,
    part: Part,
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn blob(digit: char) -> String {
    std::iter::repeat_n(digit, 40).collect()
}

fn inputs(files: &[(&str, &str)]) -> Inputs {
    let files = files.iter().map(|(path, text)| InputFile {
        path: (*path).to_owned(),
        sha256: digest(text),
    });
    Inputs {
        at: None,
        files: files.collect(),
    }
}

fn compiler(text: &str) -> Compiler {
    Compiler {
        version: "0.1.0".to_owned(),
        digest: digest(text),
    }
}

/// Digest of the manifests of some objects.
fn result(objects: &[Object]) -> Digest {
    let files: std::collections::BTreeMap<String, Vec<u8>> = objects
        .iter()
        .map(|o| (o.file_name(), crate::emit::yaml(o.value()).into_bytes()))
        .collect();
    digest_of(
        files
            .iter()
            .map(|(path, bytes)| (path.as_str(), &bytes[..])),
    )
}

fn release(part: Part, objects: &[Object], inputs: &Inputs, compiler: &Compiler) -> Release {
    Release {
        tenant: "acme".parse().expect("valid"),
        part,
        cluster: "in-cluster".parse().expect("valid"),
        namespace: "acme".to_owned(),
        release: blob('1').parse().expect("valid"),
        digest: result(objects),
        objects: objects.iter().map(Object::reference).collect(),
        requires: Vec::new(),
        claims: Vec::new(),
        inputs: inputs.clone(),
        source: Source {
            repository: "local".to_owned(),
            commit: None,
            dirty: false,
        },
        compiler: compiler.clone(),
    }
}

impl Case {
    /// `work` of `acme`, from these objects to those, because the bundle changed.
    fn new(before: &[Object], after: &[Object]) -> Self {
        let (old, new) = (
            inputs(&[("tenants/acme/a.json", "1")]),
            inputs(&[("tenants/acme/a.json", "2")]),
        );
        let live = release(Part::Work, before, &old, &compiler("1"));
        Self {
            live: Some((live, before.to_vec())),
            objects: after.to_vec(),
            inputs: new,
            compiler: compiler("1"),
            part: Part::Work,
        }
    }

    fn proposed(&self) -> Proposed<'_> {
        Proposed {
            tenant: "acme".parse().expect("valid"),
            part: self.part,
            cluster: "in-cluster".parse().expect("valid"),
            live: self.live.as_ref().map(|(release, objects)| Live {
                pointer: blob('2').parse().expect("valid"),
                release,
                objects,
            }),
            inputs: &self.inputs,
            compiler: &self.compiler,
            policies: digest_of([]),
            result: result(&self.objects),
            objects: &self.objects,
        }
    }

    fn plan(&self) -> Plan {
        Plan::new(vec![self.proposed()])
    }
}

fn object(value: Value) -> Object {
    Object::new(value).expect("an object")
}

/// A Deployment of an app with one container of its name.
fn deployment(app: &str, container: &Value) -> Object {
    let mut main = json!({ "name": app });
    main.as_object_mut()
        .expect("a map")
        .extend(container.as_object().expect("a map").clone());
    object(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": app, "namespace": "acme", "labels": { "orz.dev/app": app } },
        "spec": {
            "selector": { "matchLabels": { "orz.dev/app": app } },
            "template": { "spec": { "containers": [main] } },
        },
    }))
}

fn service(app: &str, port: u16) -> Object {
    object(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": app, "namespace": "acme", "labels": { "orz.dev/app": app } },
        "spec": { "ports": [{ "name": "http", "port": port }] },
    }))
}

fn config(name: &str, text: &str) -> Object {
    object(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "acme" },
        "data": { "text": text },
    }))
}
