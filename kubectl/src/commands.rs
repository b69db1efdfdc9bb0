//! The commands: what each is for, its flags, and where it is done.

use crate::call::Call;
use crate::failure::Failure;
use crate::flags::{Flag, list, number, optional, switch, text};
use crate::host::Pending;
use crate::{
    about, apply, auth, config, create, delete, describe, diff, drain, edit, events, explain, generate, get, label,
    logs, node,
};
use crate::{patch, run, scale, top, wait};

/// A command.
pub(crate) struct Command {
    /// Such as `get` or `create configmap`.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) help: &'static str,
    /// What follows it.
    pub(crate) usage: &'static str,
    /// What words behind it are, for completion.
    pub(crate) expects: Expects,
    /// In groups, which several commands may share.
    pub(crate) flags: &'static [&'static [Flag]],
    pub(crate) run: for<'a> fn(&'a Call<'a>) -> Pending<'a, Result<(), Failure>>,
}

/// What the words behind a command are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expects {
    /// Nothing that is known beforehand.
    Nothing,
    /// A resource, then names of its objects.
    Objects,
    /// Names of objects of this resource.
    Names(&'static str),
    /// One of these words.
    Words(&'static [&'static str]),
}

/// Flags that every command knows.
pub(crate) const GLOBAL: &[Flag] = &[
    text("namespace", 'n', "the namespace it is about"),
    switch("help", 'h', "what the command is for"),
    text("request-timeout", ' ', "how long a request may take, such as 5s").or("0"),
    number("v", 'v', "0", "how much is told"),
    text("as", ' ', "who to be"),
    list("as-group", ' ', "of which group to be"),
    text("context", ' ', "not used here"),
    text("kubeconfig", ' ', "not used here"),
];

pub(crate) const OUTPUT: Flag = text("output", 'o', "json, yaml, name, wide, jsonpath=..., custom-columns=...");
pub(crate) const SELECTOR: Flag = text("selector", 'l', "only objects with these labels");
pub(crate) const FIELD_SELECTOR: Flag = text("field-selector", ' ', "only objects with these fields");
pub(crate) const ALL_NAMESPACES: Flag = switch("all-namespaces", 'A', "in all namespaces");
pub(crate) const FILENAME: Flag = list("filename", 'f', "- for what is typed or pasted");
pub(crate) const DRY_RUN: Flag =
    optional("dry-run", "unchanged", "none", "none, server or client: only say what would happen");
pub(crate) const MANAGER: Flag = text("field-manager", ' ', "who owns the fields that are written");
pub(crate) const VALIDATE: Flag = optional("validate", "strict", "strict", "strict, warn or ignore unknown fields");
pub(crate) const SHOW_MANAGED: Flag = switch("show-managed-fields", ' ', "show who owns which field");
pub(crate) const IGNORE_NOT_FOUND: Flag = switch("ignore-not-found", ' ', "what is not there is no error");
pub(crate) const CHUNK: Flag = number("chunk-size", ' ', "500", "how many objects are asked for at once");
pub(crate) const RECURSIVE: Flag = switch("recursive", 'R', "not used here");

macro_rules! run {
    ($function:path) => {
        |call| Box::pin($function(call))
    };
}

/// All commands, in the order of the help.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "get",
        help: "Show objects",
        usage: "(TYPE [NAME...] | TYPE/NAME...)",
        expects: Expects::Objects,
        flags: &[&[
            OUTPUT,
            ALL_NAMESPACES,
            SELECTOR,
            FIELD_SELECTOR,
            FILENAME,
            RECURSIVE,
            CHUNK,
            IGNORE_NOT_FOUND,
            SHOW_MANAGED,
            switch("watch", 'w', "go on with every change"),
            switch("watch-only", ' ', "every change from now on"),
            switch("output-watch-events", ' ', "say what kind of change"),
            switch("show-labels", ' ', "a column of all labels"),
            list("label-columns", 'L', "a column of this label"),
            switch("no-headers", ' ', "no line of column names"),
            switch("show-kind", ' ', "the kind before names"),
            switch("server-print", ' ', "let the server make columns").or("true"),
            text("sort-by", ' ', "order by a field, such as .metadata.name"),
            text("raw", ' ', "what is at a path of the API"),
            text("subresource", ' ', "status, scale or resize"),
            text("template", ' ', "a template for the output"),
            switch("allow-missing-template-keys", ' ', "missing fields are no error").or("true"),
        ]],
        run: run!(get::run),
    },
    Command {
        name: "describe",
        help: "Tell all about objects, with their events",
        usage: "(TYPE [NAME_PREFIX] | TYPE/NAME)",
        expects: Expects::Objects,
        flags: &[&[
            ALL_NAMESPACES,
            SELECTOR,
            FILENAME,
            RECURSIVE,
            CHUNK,
            switch("show-events", ' ', "with events").or("true"),
        ]],
        run: run!(describe::run),
    },
    Command {
        name: "create",
        help: "Create what a manifest says",
        usage: "-f -",
        expects: Expects::Nothing,
        flags: &[create::FLAGS],
        run: run!(create::run),
    },
    Command {
        name: "create namespace",
        help: "Create a namespace",
        usage: "NAME",
        expects: Expects::Nothing,
        flags: &[generate::PLAIN],
        run: run!(generate::namespace),
    },
    Command {
        name: "create configmap",
        help: "Create a config map",
        usage: "NAME --from-literal=KEY=VALUE",
        expects: Expects::Nothing,
        flags: &[generate::SETTINGS, generate::PLAIN],
        run: run!(generate::config_map),
    },
    Command {
        name: "create secret generic",
        help: "Create a secret",
        usage: "NAME --from-literal=KEY=VALUE",
        expects: Expects::Nothing,
        flags: &[generate::SETTINGS, generate::PLAIN],
        run: run!(generate::secret),
    },
    Command {
        name: "create service clusterip",
        help: "Create a service within the cluster",
        usage: "NAME --tcp=PORT:TARGETPORT",
        expects: Expects::Nothing,
        flags: &[generate::SERVICE, generate::PLAIN],
        run: run!(generate::service),
    },
    Command {
        name: "create service nodeport",
        help: "Create a service at a port of all nodes",
        usage: "NAME --tcp=PORT:TARGETPORT",
        expects: Expects::Nothing,
        flags: &[generate::SERVICE, generate::PLAIN],
        run: run!(generate::service),
    },
    Command {
        name: "create service loadbalancer",
        help: "Create a service behind a load balancer",
        usage: "NAME --tcp=PORT:TARGETPORT",
        expects: Expects::Nothing,
        flags: &[generate::SERVICE, generate::PLAIN],
        run: run!(generate::service),
    },
    Command {
        name: "create service externalname",
        help: "Create a service that stands for a name",
        usage: "NAME --external-name=NAME",
        expects: Expects::Nothing,
        flags: &[generate::SERVICE, generate::PLAIN],
        run: run!(generate::service),
    },
    Command {
        name: "create serviceaccount",
        help: "Create a service account",
        usage: "NAME",
        expects: Expects::Nothing,
        flags: &[generate::PLAIN],
        run: run!(generate::account),
    },
    Command {
        name: "create quota",
        help: "Create a quota",
        usage: "NAME --hard=RESOURCE=QUANTITY,...",
        expects: Expects::Nothing,
        flags: &[generate::POLICY, generate::PLAIN],
        run: run!(generate::quota),
    },
    Command {
        name: "create poddisruptionbudget",
        help: "Create a disruption budget",
        usage: "NAME --selector=LABELS --min-available=COUNT",
        expects: Expects::Nothing,
        flags: &[generate::POLICY, generate::PLAIN],
        run: run!(generate::budget),
    },
    Command {
        name: "create priorityclass",
        help: "Create a priority class",
        usage: "NAME --value=NUMBER",
        expects: Expects::Nothing,
        flags: &[generate::POLICY, generate::PLAIN],
        run: run!(generate::class),
    },
    Command {
        name: "apply",
        help: "Make objects as a manifest says",
        usage: "-f -",
        expects: Expects::Nothing,
        flags: &[apply::FLAGS],
        run: run!(apply::run),
    },
    Command {
        name: "diff",
        help: "Show what apply would change",
        usage: "-f -",
        expects: Expects::Nothing,
        flags: &[diff::FLAGS],
        run: run!(diff::run),
    },
    Command {
        name: "replace",
        help: "Replace objects by those of a manifest",
        usage: "-f -",
        expects: Expects::Nothing,
        flags: &[apply::FLAGS],
        run: run!(apply::replace),
    },
    Command {
        name: "edit",
        help: "Change an object in an editor",
        usage: "(TYPE NAME | TYPE/NAME)",
        expects: Expects::Objects,
        flags: &[edit::EDIT],
        run: run!(edit::edit),
    },
    Command {
        name: "run",
        help: "Start a pod with one container",
        usage: "NAME --image=IMAGE [-- ARGUMENTS]",
        expects: Expects::Nothing,
        flags: &[run::RUN],
        run: run!(run::run),
    },
    Command {
        name: "expose",
        help: "Make a service for pods",
        usage: "(TYPE NAME | TYPE/NAME) --port=PORT",
        expects: Expects::Objects,
        flags: &[run::EXPOSE],
        run: run!(run::expose),
    },
    Command {
        name: "delete",
        help: "Delete objects",
        usage: "(-f - | TYPE [NAME... | -l label | --all])",
        expects: Expects::Objects,
        flags: &[delete::FLAGS],
        run: run!(delete::run),
    },
    Command {
        name: "scale",
        help: "Set how many replicas there are",
        usage: "--replicas=COUNT TYPE NAME",
        expects: Expects::Objects,
        flags: &[scale::FLAGS],
        run: run!(scale::run),
    },
    Command {
        name: "set image",
        help: "Change the images of containers",
        usage: "(TYPE NAME | TYPE/NAME) CONTAINER=IMAGE...",
        expects: Expects::Objects,
        flags: &[edit::IMAGE],
        run: run!(edit::image),
    },
    Command {
        name: "events",
        help: "Tell what happened",
        usage: "[--for TYPE/NAME]",
        expects: Expects::Nothing,
        flags: &[events::FLAGS],
        run: run!(events::run),
    },
    Command {
        name: "logs",
        help: "Show what containers wrote",
        usage: "(POD | TYPE/NAME) [-c CONTAINER]",
        expects: Expects::Names("pods"),
        flags: &[logs::FLAGS],
        run: run!(logs::run),
    },
    Command {
        name: "label",
        help: "Set or remove labels",
        usage: "(TYPE NAME | TYPE/NAME) KEY=VALUE... KEY-...",
        expects: Expects::Objects,
        flags: &[label::FLAGS],
        run: run!(label::label),
    },
    Command {
        name: "annotate",
        help: "Set or remove annotations",
        usage: "(TYPE NAME | TYPE/NAME) KEY=VALUE... KEY-...",
        expects: Expects::Objects,
        flags: &[label::FLAGS],
        run: run!(label::annotate),
    },
    Command {
        name: "patch",
        help: "Change parts of an object",
        usage: "(TYPE NAME | TYPE/NAME) -p PATCH",
        expects: Expects::Objects,
        flags: &[patch::FLAGS],
        run: run!(patch::run),
    },
    Command {
        name: "cordon",
        help: "Close a node for new pods",
        usage: "NODE",
        expects: Expects::Names("nodes"),
        flags: &[node::CORDON],
        run: run!(node::cordon),
    },
    Command {
        name: "uncordon",
        help: "Open a node for new pods",
        usage: "NODE",
        expects: Expects::Names("nodes"),
        flags: &[node::CORDON],
        run: run!(node::uncordon),
    },
    Command {
        name: "drain",
        help: "Send the pods of a node elsewhere",
        usage: "NODE",
        expects: Expects::Names("nodes"),
        flags: &[drain::FLAGS],
        run: run!(drain::run),
    },
    Command {
        name: "taint",
        help: "Keep pods off nodes unless they tolerate it",
        usage: "NODE NAME KEY=VALUE:EFFECT... KEY:EFFECT-...",
        expects: Expects::Objects,
        flags: &[node::TAINT],
        run: run!(node::taint),
    },
    Command {
        name: "wait",
        help: "Wait until objects are as you want them",
        usage: "(TYPE NAME | TYPE/NAME) --for=condition=Ready",
        expects: Expects::Objects,
        flags: &[wait::FLAGS],
        run: run!(wait::run),
    },
    Command {
        name: "top node",
        help: "Show what nodes use",
        usage: "[NAME]",
        expects: Expects::Names("nodes"),
        flags: &[top::FLAGS, top::OF_NODES],
        run: run!(top::nodes),
    },
    Command {
        name: "top pod",
        help: "Show what pods use",
        usage: "[NAME]",
        expects: Expects::Names("pods"),
        flags: &[top::FLAGS, top::OF_PODS],
        run: run!(top::pods),
    },
    Command {
        name: "explain",
        help: "Tell what fields mean",
        usage: "TYPE[.FIELD...]",
        expects: Expects::Objects,
        flags: &[explain::FLAGS],
        run: run!(explain::run),
    },
    Command {
        name: "auth can-i",
        help: "Tell whether you may do something",
        usage: "VERB (TYPE | TYPE/NAME)",
        expects: Expects::Words(&["get", "list", "watch", "create", "update", "patch", "delete"]),
        flags: &[auth::CAN_I],
        run: run!(auth::can_i),
    },
    Command {
        name: "auth whoami",
        help: "Tell who you are to the cluster",
        usage: "",
        expects: Expects::Nothing,
        flags: &[auth::WHOAMI],
        run: run!(auth::whoami),
    },
    Command {
        name: "api-resources",
        help: "List what kinds of objects there are",
        usage: "",
        expects: Expects::Nothing,
        flags: &[about::RESOURCES_FLAGS],
        run: run!(about::resources),
    },
    Command {
        name: "api-versions",
        help: "List the versions of the API",
        usage: "",
        expects: Expects::Nothing,
        flags: &[],
        run: run!(about::versions),
    },
    Command {
        name: "cluster-info",
        help: "Tell where the cluster is",
        usage: "",
        expects: Expects::Nothing,
        flags: &[],
        run: run!(about::cluster_info),
    },
    Command {
        name: "config current-context",
        help: "Tell which cluster is meant",
        usage: "",
        expects: Expects::Nothing,
        flags: &[],
        run: run!(config::current),
    },
    Command {
        name: "config get-contexts",
        help: "List the clusters",
        usage: "",
        expects: Expects::Nothing,
        flags: &[],
        run: run!(config::contexts),
    },
    Command {
        name: "config set-context",
        help: "Set which namespace is meant where none is named",
        usage: "--current --namespace=NAMESPACE",
        expects: Expects::Nothing,
        flags: &[config::SET_FLAGS],
        run: run!(config::set),
    },
    Command {
        name: "config view",
        help: "Show the settings",
        usage: "",
        expects: Expects::Nothing,
        flags: &[config::VIEW_FLAGS],
        run: run!(config::view),
    },
    Command {
        name: "version",
        help: "Tell the versions of this console and of the cluster",
        usage: "",
        expects: Expects::Nothing,
        flags: &[about::VERSION_FLAGS],
        run: run!(about::version),
    },
];
