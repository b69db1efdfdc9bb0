//! What a service may ask for, and what it is told where it cannot have it. Rules and words are upstream's.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Api;
use kubarium_core::Config;
use kubarium_core::apiserver::Method;
use serde_json::{Value, json};

const SERVICES: &str = "namespaces/default/services";

/// A service of one port with more fields in its spec.
fn service(name: &str, more: &Value) -> Value {
    let mut spec = json!({"ports": [{"port": 80}], "selector": {"app": "a"}});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

/// What an error says is wrong: field and message of every cause.
fn causes((code, error): &(u16, Value)) -> Vec<String> {
    let Some(causes) = error["details"]["causes"].as_array() else { return vec![format!("{code}")] };
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
    causes.iter().map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message"))).collect()
}

#[test]
fn a_new_service_is_told_what_it_cannot_have() {
    for (more, expected) in [
        (json!({}), vec!["201"]),
        (json!({"clusterIP": "10.96.0.77"}), vec!["201"]),
        (json!({"clusterIP": "None", "ipFamilies": ["IPv4", "IPv6"], "selector": {}}), vec!["201"]),
        (json!({"ipFamilyPolicy": "PreferDualStack"}), vec!["201"]),
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            vec![
                "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
            ],
        ),
        (
            json!({"ipFamilies": ["IPv6"]}),
            vec!["spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster"],
        ),
        (json!({"ipFamilies": ["IPv4", "IPv4"]}), vec!["spec.ipFamilies[1]: Duplicate value: \"IPv4\""]),
        (
            json!({"ipFamilies": ["IPv4", "IPv6"]}),
            vec![
                "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
            ],
        ),
        (
            json!({"clusterIP": "fd00::1"}),
            vec!["spec.clusterIPs[0]: Invalid value: [\"fd00::1\"]: IPv6 is not configured on this cluster"],
        ),
        (
            json!({"clusterIPs": ["10.96.0.78"]}),
            vec!["spec.clusterIPs: Invalid value: [\"10.96.0.78\"]: must be empty when `clusterIP` is not specified"],
        ),
        (
            json!({"clusterIP": "10.96.0.78", "clusterIPs": ["10.96.0.79"]}),
            vec!["spec.clusterIPs: Invalid value: [\"10.96.0.79\"]: first value must match `clusterIP`"],
        ),
        (
            json!({"clusterIP": "10.96.0.78", "ipFamilies": ["IPv6"]}),
            vec![
                "spec.clusterIPs[0]: Invalid value: \"10.96.0.78\": expected an IPv6 value as indicated by `ipFamilies[0]`",
            ],
        ),
        // What it asks of the cluster is looked at first: the port is as wrong, but nobody gets to it.
        (
            json!({"clusterIP": "10.0.0.1", "ports": [{"port": 0}]}),
            vec![
                "spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: failed to allocate IP 10.0.0.1: the provided network does not match the current range, 10.0.0.1 is not in the valid range. The range of valid IPs is 10.96.0.0/12",
            ],
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 0, "nodePort": 80}]}),
            vec![
                "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
            ],
        ),
        // Two protocols of one port share a node port; two ports do not.
        (
            json!({"type": "NodePort", "ports": [
                {"name": "a", "port": 53, "nodePort": 30053}, {"name": "b", "port": 53, "protocol": "UDP"}]}),
            vec!["201"],
        ),
        (
            json!({"type": "NodePort", "ports": [
                {"name": "a", "port": 1, "nodePort": 30054}, {"name": "b", "port": 2, "nodePort": 30054}]}),
            vec!["spec.ports[1].nodePort: Invalid value: 30054: provided port is already allocated"],
        ),
        (
            json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 80}),
            vec![
                ": failed to allocate requested HealthCheck NodePort 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
            ],
        ),
        (
            json!({"type": "LoadBalancer", "ports": [{"port": 10250}]}),
            vec![
                "spec.ports[0].port: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet",
            ],
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerClass": "a b", "loadBalancerSourceRanges": ["10.0.0.0/8", "10.0.0.0"]}),
            vec![
                "spec.LoadBalancerSourceRanges[1]: Invalid value: \"10.0.0.0\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
                "spec.loadBalancerClass: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            ],
        ),
        (
            json!({"allocateLoadBalancerNodePorts": true, "loadBalancerSourceRanges": ["10.0.0.0/8"], "externalTrafficPolicy": "Local"}),
            vec![
                "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
                "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
                "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services",
            ],
        ),
        (
            json!({"type": "ExternalName", "externalName": "a.b.", "clusterIP": "None", "ipFamilyPolicy": "SingleStack"}),
            vec![
                "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
                "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
            ],
        ),
        (
            json!({"trafficDistribution": "Far"}),
            vec![
                "spec.trafficDistribution: Unsupported value: \"Far\": supported values: \"PreferClose\", \"PreferSameNode\", \"PreferSameZone\"",
            ],
        ),
    ] {
        let mut api = Api::new(Config::default());
        let answer = api.request(Method::Post, SERVICES, &service("s", &more));
        assert_eq!(causes(&answer), expected, "{more}");
        // Whoever is refused takes nothing: all of it can be had afterwards.
        let same = service(
            "t",
            &json!({"type": "NodePort", "clusterIP": "10.96.0.78", "ports": [{"port": 1, "nodePort": 30054}]}),
        );
        api.must(Method::Post, SERVICES, &same);
    }
}

#[test]
fn a_service_keeps_what_it_was_given() {
    for (was, change, expected) in [
        (
            json!({}),
            json!({"clusterIP": "10.96.0.78"}),
            vec!["spec.clusterIPs[0]: Invalid value: [\"10.96.0.78\"]: may not change once set"],
        ),
        (
            json!({}),
            json!({"clusterIP": "None"}),
            vec!["spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set"],
        ),
        (json!({}), json!({"clusterIP": "", "clusterIPs": null}), vec!["200"]),
        (
            json!({}),
            json!({"ipFamilies": ["IPv6"]}),
            vec![
                "spec.clusterIPs[0]: Invalid value: \"10.96.0.2\": expected an IPv6 value as indicated by `ipFamilies[0]`",
            ],
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerClass": "a/b"}),
            json!({"loadBalancerClass": "a/c"}),
            vec!["spec.loadBalancerClass: Invalid value: \"a/c\": may not change once set"],
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerClass": "a/b"}),
            json!({"type": "ClusterIP"}),
            vec![
                "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
                "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
            ],
        ),
        (
            json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}),
            json!({"healthCheckNodePort": 30999}),
            vec!["spec.healthCheckNodePort: Invalid value: 30999: field is immutable"],
        ),
    ] {
        let mut api = Api::new(Config::default());
        let made = api.must(Method::Post, SERVICES, &service("s", &was));
        let answer = api.request(Method::Patch, &format!("{SERVICES}/s"), &json!({"spec": change}));
        assert_eq!(causes(&answer), expected, "{was} {change}");
        assert_eq!(answer.1["spec"]["clusterIP"].as_str().unwrap_or("10.96.0.2"), made["spec"]["clusterIP"]);
    }
}

#[test]
fn a_node_port_stays_with_the_name_of_its_port() {
    let mut api = Api::new(Config::default());
    let ports = json!([{"name": "a", "port": 1}, {"name": "b", "port": 2}]);
    let made = api.must(Method::Post, SERVICES, &service("s", &json!({"type": "NodePort", "ports": ports})));
    let given = |service: &Value, name: &str| {
        let ports = service["spec"]["ports"].as_array().unwrap();
        ports.iter().find(|port| port["name"] == name).unwrap()["nodePort"].clone()
    };
    let moved = json!({"spec": {"ports": [{"name": "b", "port": 3}, {"name": "c", "port": 1}]}});
    let changed = api.must(Method::Patch, &format!("{SERVICES}/s"), &moved);
    assert_eq!(given(&changed, "b"), given(&made, "b"));
    assert_ne!(given(&changed, "c"), given(&made, "b"));
}
