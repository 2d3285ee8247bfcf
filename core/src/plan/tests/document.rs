use super::*;

/// Two parts with fixed texts, so that the encoding is pinned independently of everything else.
fn pinned() -> Plan {
    let digit = |digit: char| -> Digest {
        std::iter::repeat_n(digit, 64)
            .collect::<String>()
            .parse()
            .expect("valid")
    };
    let part = |part: Part, base: Option<Base>| PartPlan {
        tenant: "acme".parse().expect("valid"),
        part,
        cluster: "in-cluster".parse().expect("valid"),
        base,
        inputs: digit('a'),
        compiler: digit('b'),
        policies: digit('c'),
        result: digit('d'),
        why: Vec::new(),
        changes: Changes::default(),
    };
    let base = Base {
        pointer: blob('2').parse().expect("valid"),
        release: blob('1').parse().expect("valid"),
        digest: digit('e'),
    };
    let parts = vec![part(Part::Work, Some(base)), part(Part::Data, None)];
    Plan {
        id: id::plan_id(&parts),
        parts,
    }
}

/// Computed once with an independent implementation of the encoding in the documentation.
#[test]
fn vectors() {
    assert_eq!(
        id::plan_id(&[]).as_str(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        pinned().id.as_str(),
        "6db4a1098a92eba21d267e7b1996eb387bfcfcdf3167deee4efe5af03c996638"
    );
    let mut inputs = inputs(&[("platform/plans.json", "a"), ("tenants/acme/a.json", "b")]);
    assert_eq!(
        inputs_digest(&inputs).as_str(),
        "264563befe42ac0df95bc853746b4a2ae6d31c11a5c1945f17ee037836c622d3"
    );
    inputs.at = Some("2026-01-02T03:04:05Z".to_owned());
    assert_eq!(
        inputs_digest(&inputs).as_str(),
        "8eb5788c7fae0ba598e74d488da9f594bd879fda36a4df6907ae1d6b5c9ee43b"
    );
}

#[test]
fn the_id_names_everything_that_must_still_hold() {
    let plan = pinned();
    let mut ids = std::collections::BTreeSet::from([plan.id.clone()]);
    let other: Digest = digest("other");
    let edits: [fn(&mut PartPlan, &Digest); 6] = [
        |part, _| part.tenant = "other".parse().expect("valid"),
        |part, other| part.inputs = other.clone(),
        |part, other| part.compiler = other.clone(),
        |part, other| part.policies = other.clone(),
        |part, other| part.result = other.clone(),
        |part, _| part.base.as_mut().expect("a base").pointer = blob('3').parse().expect("valid"),
    ];
    for edit in edits {
        let mut changed = plan.clone();
        edit(&mut changed.parts[0], &other);
        assert!(ids.insert(id::plan_id(&changed.parts)));
    }
    let mut turned = plan.parts.clone();
    turned.reverse();
    assert_eq!(
        id::plan_id(&turned),
        plan.id,
        "the order of the parts means nothing"
    );
}

#[test]
fn a_plan_is_read_back_and_one_that_was_changed_is_refused() {
    let before = [
        deployment("web", &json!({ "image": "r/x:1" })),
        config("a", "1"),
    ];
    let after = [
        deployment("web", &json!({ "image": "r/x:2" })),
        service("web", 80),
    ];
    let plan = Case::new(&before, &after).plan();
    let json = plan.to_json();
    assert_eq!(Plan::read(json.as_bytes()).expect("a plan"), plan);
    assert_eq!(
        plan.part(&"acme".parse().expect("valid"), Part::Work),
        plan.parts.first()
    );

    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["apiVersion"], "orz.dev/v1");
    assert_eq!(value["kind"], "Plan");
    let change = &value["parts"][0]["changes"][1];
    assert_eq!(change["change"], "create");
    let change = &value["parts"][0]["changes"][2];
    assert_eq!(change["summary"], json!(["image r/x:1 → :2"]));
    assert_eq!(
        change["fields"],
        json!([{
            "path": "spec.template.spec.containers[name=web].image",
            "before": "r/x:1",
            "after": "r/x:2",
        }])
    );

    let forged = json.replace(plan.parts[0].result.as_str(), digest("other").as_str());
    assert!(matches!(
        Plan::read(forged.as_bytes()),
        Err(PlanError::Id { .. })
    ));
    assert!(matches!(Plan::read(b"{}"), Err(PlanError::Format(_))));
}

#[test]
fn exit_codes() {
    let (one, two) = (config("a", "1"), config("b", "1"));
    let immutable = |text: &str| {
        let mut value = config("a", text).into_value();
        value["immutable"] = true.into();
        object(value)
    };
    for (before, after, expected) in [
        (vec![], vec![], ExitCode::Ok),
        (vec![one.clone()], vec![one.clone()], ExitCode::Ok),
        (
            vec![one.clone()],
            vec![one.clone(), two.clone()],
            ExitCode::Changes,
        ),
        (vec![one.clone()], vec![config("a", "2")], ExitCode::Changes),
        (vec![one.clone(), two], vec![one], ExitCode::Destroys),
        (
            vec![immutable("1")],
            vec![immutable("2")],
            ExitCode::Destroys,
        ),
    ] {
        assert_eq!(
            Case::new(&before, &after).plan().exit_code(),
            expected,
            "{before:?} to {after:?}"
        );
    }
}

#[test]
fn a_first_release_without_objects_moves_nothing() {
    let mut case = Case::new(&[], &[]);
    case.live = None;
    assert_eq!(
        (case.plan().exit_code(), case.plan().parts[0].moves()),
        (ExitCode::Ok, false)
    );
    case.objects = vec![config("a", "1")];
    assert_eq!(
        (case.plan().exit_code(), case.plan().parts[0].moves()),
        (ExitCode::Changes, true)
    );
}

#[test]
fn other_bytes_of_the_same_meaning_still_move_the_pointer() {
    let cpu = |text: &str| {
        deployment(
            "web",
            &json!({ "resources": { "limits": { "cpu": text } } }),
        )
    };
    let mut case = Case::new(&[cpu("0.5")], &[cpu("500m")]);
    case.compiler = compiler("2");
    let plan = case.plan();
    assert_eq!(plan.totals(), Totals::default());
    assert_eq!(plan.exit_code(), ExitCode::Changes);
    assert_eq!(plan.parts[0].changes.unchanged, 1);
    assert!(plan.render_human(false).contains("written differently"));
}

/// Path and content.
type File = (&'static str, &'static str);

#[test]
fn why_a_part_changes() {
    let old = [
        ("platform/plans.json", "1"),
        ("platform/tenants/acme.json", "1"),
        ("tenants/acme/a.json", "1"),
    ];
    let with = |path: &str| -> Vec<File> {
        old.iter()
            .map(|(p, text)| (*p, if *p == path { "2" } else { *text }))
            .collect()
    };
    let cases: [(Vec<File>, &str, &[Why]); 6] = [
        (with("tenants/acme/a.json"), "1", &[Why::Input]),
        (old[..2].to_vec(), "1", &[Why::Input]),
        (with("platform/plans.json"), "1", &[Why::Platform]),
        (with("platform/tenants/acme.json"), "1", &[Why::Platform]),
        (old.to_vec(), "2", &[Why::Compiler]),
        (
            with("tenants/acme/a.json"),
            "2",
            &[Why::Input, Why::Compiler],
        ),
    ];
    for (files, compiled_by, expected) in cases {
        let mut case = Case::new(&[config("a", "1")], &[config("a", "2")]);
        case.live.as_mut().expect("live").0.inputs = inputs(&old);
        case.inputs = inputs(&files);
        case.compiler = compiler(compiled_by);
        assert_eq!(
            case.plan().parts[0].why,
            expected,
            "{files:?} {compiled_by}"
        );
    }
    let same = Case::new(&[config("a", "1")], &[config("a", "1")]);
    assert_eq!(
        same.plan().parts[0].why,
        [],
        "no reason is given for what does not change"
    );
}

#[test]
fn what_goes_with_a_namespace_is_counted_over_all_parts() {
    let namespace =
        object(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "acme" } }));
    let mut tenancy = Case::new(&[namespace, config("a", "1")], &[]);
    tenancy.part = Part::Tenancy;
    let work = Case::new(&[config("b", "1"), config("c", "1")], &[]);
    let plan = Plan::new(vec![work.proposed(), tenancy.proposed()]);
    assert_eq!(
        plan.parts[0].part,
        Part::Tenancy,
        "parts are in the order of applying"
    );
    let namespace = plan.parts[0]
        .changes
        .changes
        .iter()
        .find(|c| c.kind == "Namespace")
        .expect("the Namespace");
    assert_eq!((namespace.cascades, namespace.durable), (3, true));
    assert_eq!(plan.totals().delete, 4);
}
