//! Arguments that several commands share.

use std::path::PathBuf;

use clap::{Args, Parser};
use orz_core::id::{ClusterName, Part, TenantName};
use orz_gitops::Repo;

use crate::commands::Command;
use crate::error::CommandError;
use crate::ops::expect::{self, Expectation};
use crate::view::{Color, Format};

/// Compiles tenant bundles into immutable releases, and moves what is live by Git commits.
#[derive(Debug, Parser)]
#[command(
    name = "orzc",
    version,
    about = "Compiles tenant bundles into immutable releases, and moves what is live by Git commits",
    subcommand_required = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 fine, 1 the input is wrong, 2 changes, 3 changes that destroy or replace,\n\
                  4 denied, 5 the base moved, 64 usage, 70 internal; 2 and 3 come only from `plan` and `diff`."
)]
pub(crate) struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Source repository [default: the nearest folder upwards with `orz.toml`, else the current one].
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ORZ_SOURCE",
        hide_env_values = true
    )]
    pub(crate) source: Option<PathBuf>,
    /// GitOps repository, a folder or a URL [default: `gitops` of `orz.toml`].
    #[arg(
        long,
        global = true,
        value_name = "PATH|URL",
        env = "ORZ_GITOPS",
        hide_env_values = true
    )]
    pub(crate) gitops: Option<PathBuf>,
    /// Leaves the remote alone: reads what was fetched last, and keeps what is written until `orzc sync`.
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// How results are printed [default: `format` of `orz.toml`, else human].
    #[arg(
        long,
        global = true,
        value_enum,
        env = "ORZ_FORMAT",
        hide_env_values = true,
        hide_possible_values = true,
        value_name = "human|json|markdown"
    )]
    pub(crate) format: Option<Format>,
    /// When to use colours.
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        value_name = "auto|always|never",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(crate) color: Color,
    /// Says nothing beside results and diagnostics.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Says which repositories, commits and compiler are used, and shows warnings in full.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

/// Which tenants of the source repository a command is about.
#[derive(Debug, Args)]
pub(crate) struct Select {
    /// Tenant to select, repeatable; `orz-platform` is the platform's own release [default: every
    /// folder under `tenants/`, and the platform if there is a `platform/reconciler.json`].
    #[arg(long = "tenant", value_name = "TENANT")]
    pub(crate) tenants: Vec<TenantName>,
    /// Cluster that the platform's own release is for [default: `default_cluster` of
    /// `platform/settings.json`].
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) platform_cluster: Option<ClusterName>,
}

/// Where a change of pointers goes, if not to `main`.
#[derive(Debug, Args)]
pub(crate) struct Review {
    /// Puts the change on this new branch, for somebody to merge into `main`; until then nothing moves.
    #[arg(long, value_name = "BRANCH")]
    pub(crate) to_branch: Option<String>,
}

/// What the caller goes by, for a command that moves pointers of one tenant.
#[derive(Debug, Args)]
pub(crate) struct Expect {
    /// Exits with 5, and writes nothing, unless this is live: first digits of the release, or of the pointer's
    /// version in `status --format json`; `none` for nothing; repeatable with `PART=`.
    #[arg(long, value_name = "[PART=]ID")]
    pub(crate) expect: Vec<Expectation>,
    /// Goes on where it would exit with 5 because somebody else moved the same pointer first.
    #[arg(long = "override", conflicts_with = "expect")]
    pub(crate) override_moved: bool,
}

impl Expect {
    /// Makes the repository heed it, where these parts of a tenant are about to move; none: any.
    pub(crate) fn of_tenant(
        &self,
        repo: &mut Repo,
        tenant: &TenantName,
        parts: &[Part],
        cluster: Option<&ClusterName>,
    ) -> Result<(), CommandError> {
        repo.expect(expect::beliefs(&self.expect, tenant, parts, cluster)?);
        if self.override_moved {
            repo.repeat_when_moved();
        }
        Ok(())
    }
}

/// Who asks for a change, as recorded in its commit.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// Who asks for it [default: `git config user.name` and `user.email`].
    #[arg(long, value_name = "NAME", env = "ORZ_ACTOR", hide_env_values = true)]
    pub(crate) actor: Option<String>,
    /// Your own id of this request, recorded beside the actor.
    #[arg(
        long,
        value_name = "ID",
        env = "ORZ_REQUEST_ID",
        hide_env_values = true
    )]
    pub(crate) request_id: Option<String>,
}
