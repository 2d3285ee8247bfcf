//! What the engine must be told about Argo CD; everything else follows from the pointers.

/// Where Argo CD stands, and from where it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgoSettings {
    /// The GitOps repository as Argo CD reaches it. Credentials are Argo CD's own business.
    pub repo_url: String,
    /// The namespace of Argo CD, in which its Applications and AppProjects stand.
    pub namespace: String,
}

impl ArgoSettings {
    /// The namespace that Argo CD's own manifests use.
    pub const NAMESPACE: &str = "argocd";

    /// The ordinary installation.
    pub fn new(repo_url: impl Into<String>) -> Self {
        Self {
            repo_url: repo_url.into(),
            namespace: Self::NAMESPACE.to_owned(),
        }
    }
}
