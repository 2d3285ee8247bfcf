//! One kind: a list and a watch of the metadata of everything that carries a mark, for ever.

use std::time::{Duration, Instant};

use futures::{TryStreamExt, pin_mut};
use kube::Client;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Request;
use orz_core::Value;

use super::Shared;
use super::known::version;
use crate::apply::api::watch::refused;
use crate::apply::api::{ApiError, Collection, PAGE};
use crate::apply::mark::MEMBER;

/// A watch is begun anew this often, so that a connection that died silently is noticed.
const WATCH_SECONDS: u32 = 240;
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Lists and watches until it is aborted.
pub(super) async fn follow(client: Client, kind: Collection, shared: std::sync::Arc<Shared>) {
    let mut pause = PAUSE_MIN;
    loop {
        let begun = Instant::now();
        let ended = session(&client, &kind, &shared).await;
        if begun.elapsed() > PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        if let Err(error) = ended {
            shared.trouble(&kind, &error);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// One list and the watches that go on from it. Ends well when a new list is needed.
async fn session(client: &Client, kind: &Collection, shared: &Shared) -> Result<(), ApiError> {
    let resource = Request::new(kind.path());
    let unusable = |error: &dyn std::error::Error| ApiError::unexpected(&error.to_string());
    let mut all = Vec::new();
    let mut parameters = ListParams::default().labels(MEMBER).limit(PAGE);
    let mut from = loop {
        let request = resource
            .list_metadata(&parameters)
            .map_err(|e| unusable(&e))?;
        let mut page: Value = client.request(request).await.map_err(|e| refused(&e))?;
        let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) else {
            return Err(ApiError::unexpected("the answer is no list"));
        };
        all.extend(items);
        let token = page.pointer("/metadata/continue").and_then(Value::as_str);
        match token.filter(|token| !token.is_empty()) {
            Some(token) => parameters.continue_token = Some(token.to_owned()),
            None => break page,
        }
    };
    let at = version(&from).unwrap_or_default();
    let mut from = from
        .pointer_mut("/metadata/resourceVersion")
        .map(Value::take)
        .and_then(|version| version.as_str().map(str::to_owned))
        .unwrap_or_default();
    shared.change(|state| state.known.listed(kind, &all, at, Instant::now()));
    shared.change(|state| {
        state.troubled.remove(kind);
    });
    drop(all);

    let parameters = WatchParams::default().labels(MEMBER).timeout(WATCH_SECONDS);
    loop {
        let begun = Instant::now();
        let request = resource
            .watch_metadata(&parameters, &from)
            .map_err(|e| unusable(&e))?;
        let events = client
            .request_events::<Value>(request)
            .await
            .map_err(|e| refused(&e))?;
        pin_mut!(events);
        while let Some(event) = events.try_next().await.map_err(|e| refused(&e))? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    resume_from(&object, &mut from);
                    shared.change(|state| state.known.changed(kind, &object, Instant::now()));
                }
                WatchEvent::Deleted(object) => {
                    resume_from(&object, &mut from);
                    shared.change(|state| state.known.gone(kind, &object, Instant::now()));
                }
                WatchEvent::Bookmark(bookmark) => from = bookmark.metadata.resource_version,
                // The version is too old to go on from.
                WatchEvent::Error(status) if status.code == 410 => return Ok(()),
                WatchEvent::Error(status) => return Err(ApiError::unexpected(&status.message)),
            }
        }
        if begun.elapsed() < PAUSE_MIN {
            tokio::time::sleep(PAUSE_MIN).await;
        }
    }
}

fn resume_from(object: &Value, version: &mut String) {
    let newer = object.pointer("/metadata/resourceVersion");
    if let Some(newer) = newer.and_then(Value::as_str) {
        newer.clone_into(version);
    }
}
