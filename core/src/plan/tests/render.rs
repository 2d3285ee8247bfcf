use super::*;

fn sample() -> Plan {
    let web = |image: &str, env: Value, memory: &str| {
        deployment(
            "web",
            &json!({ "image": image, "env": env, "resources": { "limits": { "memory": memory }, "requests": { "memory": memory } } }),
        )
    };
    let before = [
        web(
            "registry/x:1",
            json!([{ "name": "A", "value": "1" }]),
            "128Mi",
        ),
        service("web", 80),
        service("old", 80),
        config("notes", "one\ntwo\nthree\n"),
    ];
    let after = [
        web(
            "registry/x:2",
            json!([{ "name": "A", "value": "1" }, { "name": "LOG_LEVEL", "value": "debug" }]),
            "256Mi",
        ),
        service("web", 80),
        deployment("api", &json!({ "image": "registry/api:7" })),
        service("api", 8080),
        config("notes", "one\n2\nthree\n"),
    ];
    Case::new(&before, &after).plan()
}

#[test]
fn human() {
    insta::assert_snapshot!(sample().render_human(false), @r#"
    acme/work on in-cluster, because its input changed
      app old: removed
        - Service acme/old
      ~ ConfigMap acme/notes: key text changed
          @@ -2,7 +2,7 @@
           data:
             text: |
               one
          -    two
          +    2
               three
           kind: ConfigMap
           metadata:
      app api: new, image registry/api:7
        + Service acme/api
        + Deployment acme/api
      app web: image registry/x:1 → :2, +1 env LOG_LEVEL, memory 128Mi → 256Mi
        ~ Deployment acme/web
            @@ -15,10 +15,12 @@
                   - env:
                     - name: A
                       value: "1"
            -        image: registry/x:1
            +        - name: LOG_LEVEL
            +          value: debug
            +        image: registry/x:2
                     name: web
                     resources:
                       limits:
            -            memory: "128Mi"
            +            memory: "256Mi"
                       requests:
            -            memory: "128Mi"
            +            memory: "256Mi"

    2 to create, 2 to update, 0 to replace, 1 to delete
    "#);
}

#[test]
fn markdown() {
    insta::assert_snapshot!(sample().render_markdown(), @r#"
    ### Plan: 2 to create, 2 to update, 0 to replace, 1 to delete

    Plan `eb37fe66a9d6b6b7033cef25bcf18e621a908d3f223e0c9bd97accb7a3f5aa44`

    #### `acme/work` on in-cluster, because its input changed

    - **`app old`**: `removed`
    - `~ ConfigMap acme/notes`: `key text changed`
    - **`app api`**: `new`, `image registry/api:7`
    - **`app web`**: `image registry/x:1 → :2`, `+1 env LOG_LEVEL`, `memory 128Mi → 256Mi`

    <details><summary>- <code>Service acme/old</code></summary>

    ```diff
    @@ -1,11 +0,0 @@
    -apiVersion: v1
    -kind: Service
    -metadata:
    -  labels:
    -    orz.dev/app: old
    -  name: old
    -  namespace: acme
    -spec:
    -  ports:
    -  - name: http
    -    port: 80
    ```

    </details>

    <details><summary>~ <code>ConfigMap acme/notes</code></summary>

    ```diff
    @@ -2,7 +2,7 @@
     data:
       text: |
         one
    -    two
    +    2
         three
     kind: ConfigMap
     metadata:
    ```

    </details>

    <details><summary>+ <code>Service acme/api</code></summary>

    ```diff
    @@ -0,0 +1,11 @@
    +apiVersion: v1
    +kind: Service
    +metadata:
    +  labels:
    +    orz.dev/app: api
    +  name: api
    +  namespace: acme
    +spec:
    +  ports:
    +  - name: http
    +    port: 8080
    ```

    </details>

    <details><summary>+ <code>Deployment acme/api</code></summary>

    ```diff
    @@ -0,0 +1,16 @@
    +apiVersion: apps/v1
    +kind: Deployment
    +metadata:
    +  labels:
    +    orz.dev/app: api
    +  name: api
    +  namespace: acme
    +spec:
    +  selector:
    +    matchLabels:
    +      orz.dev/app: api
    +  template:
    +    spec:
    +      containers:
    +      - image: registry/api:7
    +        name: api
    ```

    </details>

    <details><summary>~ <code>Deployment acme/web</code></summary>

    ```diff
    @@ -15,10 +15,12 @@
           - env:
             - name: A
               value: "1"
    -        image: registry/x:1
    +        - name: LOG_LEVEL
    +          value: debug
    +        image: registry/x:2
             name: web
             resources:
               limits:
    -            memory: "128Mi"
    +            memory: "256Mi"
               requests:
    -            memory: "128Mi"
    +            memory: "256Mi"
    ```

    </details>
    "#);
}

/// What a line of text may hold that would drive a terminal, deceive a reader or be markup.
const HOSTILE: &str = "\u{1b}[2J\u{202e}`````\n@everyone <img src=x> ~~~ \u{85}\u{7}";

#[test]
fn hostile_text_stays_text() {
    let with = |text: &str| {
        let mut value = config("a", text).into_value();
        value["metadata"]["name"] = text.into();
        value["metadata"]["labels"] = json!({ "orz.dev/app": text });
        let mut changed = value.clone();
        changed["data"][text] = text.into();
        changed["data"]["text"] = "x".into();
        (object(value), object(changed))
    };
    let (before, after) = with(HOSTILE);
    let plan = Case::new(&[before], &[after]).plan();
    assert_eq!(plan.totals().update, 1);
    for text in [
        plan.render_human_with(HumanOptions {
            color: false,
            manifests: Manifests::All,
        }),
        plan.render_markdown(),
    ] {
        let bad = text
            .chars()
            .find(|c| *c != '\n' && (c.is_control() || *c == '\u{202e}'));
        assert_eq!(bad, None, "{text}");
    }
    let markdown = plan.render_markdown();
    for text in markdown
        .lines()
        .filter(|line| line.contains("@everyone") || line.contains("<img"))
    {
        let quoted = text.starts_with("- **``````")
            || text.contains("<code>")
            || text.starts_with(['+', '-', ' ']);
        assert!(quoted, "{text}");
        assert!(
            !text.contains("<summary>") || !text.contains("<img"),
            "{text}"
        );
    }
    let fences: Vec<&str> = markdown
        .lines()
        .filter(|line| line.starts_with("``````"))
        .collect();
    assert_eq!(
        fences,
        ["``````diff", "``````"],
        "the fence is longer than what it holds\n{markdown}"
    );
}

#[test]
fn a_comment_is_never_too_long_and_says_what_it_left_out() {
    let text = |i: usize| format!("line {i}\n").repeat(40);
    let before: Vec<Object> = (0..400)
        .map(|i| config(&format!("c{i:03}"), &text(i)))
        .collect();
    let after: Vec<Object> = (0..400)
        .map(|i| config(&format!("c{i:03}"), &text(i + 1)))
        .collect();
    let markdown = Case::new(&before, &after).plan().render_markdown();
    assert!(
        markdown.len() <= MARKDOWN_MAX && markdown.len() > MARKDOWN_MAX / 2,
        "{}",
        markdown.len()
    );
    assert_eq!(
        markdown.matches("- `~ ConfigMap acme/c").count(),
        400,
        "every line of intent fits"
    );
    let shown = markdown.matches("<details>").count();
    assert_eq!(shown, markdown.matches("</details>").count());
    assert!(shown > 0);
    let footer = format!(
        "_Left out, because a comment would be too long: {} manifest differences._\n",
        400 - shown
    );
    assert!(
        markdown.ends_with(&footer),
        "{}",
        &markdown[markdown.len() - 200..]
    );

    let many: Vec<Object> = (0..3_000)
        .map(|i| config(&format!("c{i:04}"), "x"))
        .collect();
    let markdown = Case::new(&many, &[]).plan().render_markdown();
    assert!(markdown.len() <= MARKDOWN_MAX, "{}", markdown.len());
    let lines = markdown.matches("- `- ConfigMap").count();
    assert!(
        markdown.contains(&format!(
            "{} lines, 3000 manifest differences",
            3_000 - lines
        )),
        "{lines}"
    );
}

#[test]
fn what_destroys_says_so() {
    let claim = |class: &str| {
        object(json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": { "name": "files", "namespace": "acme", "labels": { "orz.dev/volume": "files" } },
            "spec": { "storageClassName": class },
        }))
    };
    let namespace =
        object(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "acme" } }));
    let mut case = Case::new(
        &[claim("slow"), namespace, config("a", "1")],
        &[claim("fast"), config("a", "1")],
    );
    case.part = Part::Data;
    insta::assert_snapshot!(case.plan().render_human_with(HumanOptions { color: false, manifests: Manifests::Hidden }), @r#"
    acme/data on in-cluster, because its input changed
      - Namespace acme: with 2 objects in it, durable: stays in the cluster until it is destroyed on purpose
      volume files: replace PersistentVolumeClaim files, storageClassName slow → fast
        ± PersistentVolumeClaim acme/files (cannot change in place: spec.storageClassName; durable: what it holds does not move along)

    0 to create, 0 to update, 1 to replace, 1 to delete
    "#);
}

#[test]
fn nothing_to_change() {
    let plan = Case::new(&[config("a", "1")], &[config("a", "1")]).plan();
    let expected = "nothing changes\n0 to create, 0 to update, 0 to replace, 0 to delete\n";
    assert_eq!(plan.render_human(true), expected);
    assert!(plan.render_markdown().ends_with("\n\nnothing changes\n"));
}

#[test]
fn colours_change_nothing_else() {
    let plan = sample();
    let colored = plan.render_human(true);
    assert!(colored.contains("\x1b[32m+ Deployment acme/api\x1b[0m\n"));
    let mut uncolored = String::new();
    for (i, piece) in colored.split('\x1b').enumerate() {
        uncolored.push_str(if i == 0 {
            piece
        } else {
            piece.split_once('m').expect("a colour").1
        });
    }
    assert_eq!(uncolored, plan.render_human(false));
}

#[test]
fn two_releases() {
    let side = |digit: char, part: Part| Side {
        tenant: "acme".parse().expect("valid"),
        part,
        release: blob(digit).parse().expect("valid"),
    };
    let (before, after) = (
        [config("a", "1"), config("b", "1")],
        [config("a", "2"), config("b", "1")],
    );
    let diff = ReleaseDiff::new(
        side('1', Part::Work),
        side('2', Part::Work),
        &before,
        &after,
    );
    assert_eq!(diff.exit_code(), ExitCode::Changes);
    insta::assert_snapshot!(diff.render_human(false), @r#"
    acme/work from 111111111111 to 222222222222
      ~ ConfigMap acme/a: key text 1 → 2
          @@ -1,6 +1,6 @@
           apiVersion: v1
           data:
          -  text: "1"
          +  text: "2"
           kind: ConfigMap
           metadata:
             name: a

    0 to create, 1 to update, 0 to replace, 0 to delete
    "#);
    assert!(
        diff.render_markdown()
            .contains(&format!("From `{}` to `{}`", blob('1'), blob('2')))
    );
    let back: ReleaseDiff = format::from_bytes(diff.to_json().as_bytes()).expect("read back");
    assert_eq!(back, diff);

    let same = ReleaseDiff::new(
        side('1', Part::Work),
        side('1', Part::Work),
        &before,
        &before,
    );
    assert_eq!(
        (same.exit_code(), same.changes.unchanged),
        (ExitCode::Ok, 2)
    );
    assert!(same.render_human(false).starts_with("nothing changes\n"));
}
