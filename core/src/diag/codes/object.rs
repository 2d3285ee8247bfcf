//! Codes of the structural checks: the objects that would be emitted break a rule.

use super::codes;

codes! {
    /// An object outside the tenant's namespaces.
    FOREIGN_NAMESPACE = "foreign-namespace" {
        cause: "An object would be written into a namespace that does not belong to the tenant.",
        example: "{ \"kind\": \"ConfigMap\", \"metadata\": { \"namespace\": \"other-tenant\" } }",
        fix: "Use the tenant's own namespaces: `<tenant>` and `<tenant>--<project>`.",
    }
    /// A kind that may not stand in its part.
    KIND_NOT_ALLOWED = "kind-not-allowed" {
        cause: "Each part of a tenant may hold certain kinds only; durable ones never stand in `work`. The same table is checked again before anything is applied.",
        example: "a PersistentVolumeClaim in `work`",
        fix: "Report it: sections choose the part of what they emit.",
    }
    /// Two objects of one kind, namespace and name.
    DUPLICATE_OBJECT = "duplicate-object" {
        cause: "Two entries of the bundle would make the same object, and one would overwrite the other.",
        example: "{ \"apps\": [{ \"name\": \"default-deny\", … }] } makes the NetworkPolicy that isolates the namespace",
        fix: "Rename one of the entries.",
    }
    /// A name that Kubernetes does not accept.
    INVALID_OBJECT_NAME = "invalid-object-name" {
        cause: "The name of an object or of something inside it breaks the rule for names of its kind.",
        example: "a Service named `1st`",
        fix: "Rename the entry that it comes from.",
    }
    /// A label that Kubernetes does not accept.
    INVALID_LABEL = "invalid-label" {
        cause: "A label's key or value is too long or has characters that labels may not have.",
        example: "{ \"metadata\": { \"labels\": { \"app\": \"a b\" } } }",
        fix: "Change the entry that the label comes from.",
    }
    /// A Secret with a value in it.
    SECRET_WITH_DATA = "secret-with-data" {
        cause: "What is written to Git stays in Git. Secrets are read from a store when they are needed.",
        example: "{ \"kind\": \"Secret\", \"stringData\": { \"password\": \"…\" } }",
        fix: "Put the value into a secret store and name it in `secret_refs`.",
    }
    /// A pod template that no pod could be made from.
    INVALID_POD = "invalid-pod" {
        cause: "The pod template contradicts itself: a mount without a volume, two things of one name or path, a probe of a port that is not there, requests above limits.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"health\": { \"port\": \"metrics\" } }] }",
        fix: "Change what the message names.",
    }
    /// An object that is larger than Kubernetes stores.
    OBJECT_TOO_LARGE = "object-too-large" {
        cause: "A ConfigMap may hold 1 MiB, and every object a little more.",
        example: "a config of several megabytes",
        fix: "Make it smaller, or keep it in an object store.",
    }
}
