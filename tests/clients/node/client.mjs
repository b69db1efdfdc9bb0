// Goes through what a program does with a cluster, with Node's own client, and says what it saw as JSON.
//
// The cluster is that of $KUBECONFIG, with three nodes and nothing else in its namespace.

import { Writable } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const namespace = 'default';
const PATIENCE = 60_000;

/** Waits until something holds, and returns it. */
async function until(what, holds) {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const seen = await holds();
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within ${PATIENCE} milliseconds`);
}

/** The code and reason with which a call is refused. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof k8s.ApiException)) throw error;
    const status = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
    return [error.code, status.reason];
  }
  throw new Error('what should have been refused was done');
}

const patched = (type) => k8s.setHeaderOptions('Content-Type', type);

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const report = {
  version: (await config.makeApiClient(k8s.VersionApi).getCode()).major,
  nodes: (await core.listNode()).items.length,
};

// An informer lists, watches, and lists again where it must.
const seen = { added: new Set(), running: new Set(), deleted: new Set(), revisions: [] };
const path = `/api/v1/namespaces/${namespace}/pods`;
const informer = k8s.makeInformer(config, path, () => core.listNamespacedPod({ namespace }));
const note = (set) => (pod) => {
  set?.add(pod.metadata.name);
  seen.revisions.push(Number(pod.metadata.resourceVersion));
};
informer.on('add', note(seen.added));
informer.on('update', (pod) => note(pod.status.phase === 'Running' ? seen.running : undefined)(pod));
informer.on('delete', note(seen.deleted));
informer.on('error', (error) => {
  throw error;
});
await informer.start();

const settings = { metadata: { name: 'settings', labels: { of: 'client' } }, data: { a: '1' } };
const created = await core.createNamespacedConfigMap({ namespace, body: settings });
report.again = await refused(core.createNamespacedConfigMap({ namespace, body: settings }));
const one = { name: 'settings', namespace };
const merge = patched(k8s.PatchStrategy.MergePatch);
const step = patched(k8s.PatchStrategy.JsonPatch);
await core.patchNamespacedConfigMap({ ...one, body: { data: { b: '2' } } }, merge);
await core.patchNamespacedConfigMap({ ...one, body: [{ op: 'replace', path: '/data/a', value: '3' }] }, step);
report.settings = (await core.readNamespacedConfigMap(one)).data;
report.stale = await refused(core.replaceNamespacedConfigMap({ ...one, body: created }));
report.missing = await refused(core.readNamespacedPod({ name: 'nobody', namespace }));
const invalid = { metadata: { name: 'A_' }, spec: { containers: [] } };
report.invalid = await refused(core.createNamespacedPod({ namespace, body: invalid }));
report.forbidden = await refused(core.deleteNode({ name: 'node-1' }));

const web = {
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { app: 'web' },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'page', image: 'nginx' }] } },
  },
};
await core.createNamespacedReplicationController({ namespace, body: web });
await until('two pods run', () => seen.running.size === 2);
const scale = { name: 'web', namespace, body: { spec: { replicas: 3 } } };
await core.patchNamespacedReplicationControllerScale(scale, merge);
await until('a third pod runs', () => seen.running.size === 3);
report.scale = (await core.readNamespacedReplicationControllerScale({ name: 'web', namespace })).spec.replicas;

const first = await core.listNamespacedPod({ namespace, limit: 2 });
const rest = await core.listNamespacedPod({ namespace, limit: 2, _continue: first.metadata._continue });
report.pages = [first.items.length, first.metadata.remainingItemCount, rest.items.length];
const selector = { labelSelector: 'app in (web)', fieldSelector: 'status.phase=Running' };
report.selected = (await core.listNamespacedPod({ namespace, ...selector })).items.length;
const name = first.items[0].metadata.name;
report.logs = await core.readNamespacedPodLog({ name, namespace });
report.followed = await new Promise((resolve, reject) => {
  let text = '';
  const lines = new Writable({
    write(chunk, _, done) {
      text += chunk;
      if (text.includes('\n')) resolve(text.split('\n')[0]);
      done();
    },
  });
  new k8s.Log(config).log(namespace, name, 'page', lines, { follow: true }).catch(reject);
});

// The client without types finds the path of a kind by discovery, and applies on the server's side.
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const metadata = { name: 'applied', namespace, labels: { of: 'client' } };
const applied = (k) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { k } });
const apply = (k, manager) =>
  objects.patch(applied(k), undefined, undefined, manager, undefined, k8s.PatchStrategy.ServerSideApply);
report.applied = (await apply('v', 'node')).metadata.managedFields.map((entry) => entry.manager);
report.conflict = await refused(apply('w', 'other'));

const eviction = { metadata: { name, namespace } };
await core.createNamespacedPodEviction({ name, namespace, body: eviction });
await until('the evicted pod is gone', () => seen.deleted.size === 1);
await core.deleteNamespacedReplicationController({ name: 'web', namespace, propagationPolicy: 'Foreground' });
await until('all pods are gone', async () => (await core.listNamespacedPod({ namespace })).items.length === 0);
await until('that was seen', () => seen.deleted.size === seen.added.size);
await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'of=client' });
report.left = (await core.listNamespacedConfigMap({ namespace })).items.length;
report.pods = seen.added.size;
report.ordered = seen.revisions.every((revision, index) => index === 0 || seen.revisions[index - 1] < revision);
await informer.stop();
console.log(JSON.stringify(report));
process.exit(0);
