//! Codes of resolution: names that do not fit together.

use super::codes;

codes! {
    /// A name that nothing declares.
    UNKNOWN_REFERENCE = "unknown-reference" {
        cause: "A field names something that the bundle or the platform data does not declare.",
        example: "{ \"connectors\": [{ \"type\": \"http\", \"name\": \"mail\", \"policy\": \"slow\" }] }",
        fix: "Declare what is named, or name something that is declared.",
    }
    /// A tenant without an operator's file where one is required.
    ENROLLMENT_CLOSED = "enrollment-closed" {
        cause: "The platform says `enrollment: closed`, so a tenant exists only after an operator has written its file.",
        example: "tenants/newcomer/bundle.json without platform/tenants/newcomer.json",
        fix: "Ask the operator for `platform/tenants/<tenant>.json`.",
    }
    /// Something that the tenant's plan does not include.
    NOT_IN_PLAN = "not-in-plan" {
        cause: "The tenant's plan bounds how much of a thing there may be, how large it may be, or which kinds of it may be used.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"volumes\": [{ \"name\": \"d\", \"mount\": \"/d\", \"size\": \"900Gi\" }] }] }",
        fix: "Use less, or ask the operator for another plan or an exception.",
    }
    /// Apps that together need more than their namespace may use.
    QUOTA_EXCEEDED = "quota-exceeded" {
        cause: "What all apps of a namespace request, with the additional pod that each has during an update, is more than the quota of the namespace. In the cluster the pods would wait for ever.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"replicas\": 50, … }] }",
        fix: "Lower replicas or resources, or ask the operator for a larger quota.",
    }
    /// An image whose content can change under its name.
    IMAGE_NOT_PINNED = "image-not-pinned" {
        cause: "An image without tag or digest, or with the tag `latest`, is another program tomorrow, so a rollback would not roll back.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"image\": \"registry.example.com/web:latest\" }] }",
        fix: "Name a digest (`@sha256:…`) or a tag that is never moved.",
    }
    /// An image from a registry that the platform does not allow.
    REGISTRY_NOT_ALLOWED = "registry-not-allowed" {
        cause: "The image comes from a registry that is not in the platform's list. An image without a registry comes from Docker Hub.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"image\": \"docker.io/library/nginx:1.29\" }] }",
        fix: "Push the image to an allowed registry, or ask the operator to add the registry to `platform/images.json`.",
    }
    /// A hostname that belongs to the platform.
    HOSTNAME_RESERVED = "hostname-reserved" {
        cause: "The hostname is, or ends in, a name that no tenant may claim.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"domains\": [\"web.cluster.local\"] }] }",
        fix: "Use a hostname of your own.",
    }
    /// Two apps that answer for the same hostname and path.
    ROUTE_CONFLICT = "route-conflict" {
        cause: "Two apps claim the same path of the same hostname; which one gets a request would depend on their age.",
        example: "two apps with `\"domains\": [\"shop.example.com\"]`",
        fix: "Give them different hostnames or `paths`.",
    }
    /// Several replicas of an app whose volume only one pod can use.
    SINGLE_REPLICA = "single-replica" {
        cause: "The class of the volume lets one node use it at a time, so a second replica would wait for ever.",
        example: "{ \"apps\": [{ \"name\": \"db\", \"replicas\": 2, \"volumes\": [{ \"name\": \"d\", \"mount\": \"/d\", \"size\": \"1Gi\" }] }] }",
        fix: "Use one replica, or a volume class with access mode `ReadWriteMany`.",
    }
    /// A domain on a cluster that takes no requests in.
    NO_GATEWAY = "no-gateway" {
        cause: "The platform names no Gateway for the tenant's cluster, so a hostname cannot be served there.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"domains\": [\"shop.example.com\"] }] }",
        fix: "Remove the domain, or ask the operator to name a Gateway in `platform/clusters.json`.",
    }
}
