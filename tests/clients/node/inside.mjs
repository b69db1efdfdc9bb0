// Reaches into a pod with Node's own client, and says what it saw as JSON. The cluster is that of $KUBECONFIG.

import { createServer } from 'node:net';
import { Readable, Writable } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const namespace = 'default';
const name = 'of-node';
const script =
  'echo first; echo second; mkdir /page; echo -n served > /page/index.html; exec httpd -f -p 127.0.0.1:8080 -h /page';

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);

async function until(what, holds) {
  const end = Date.now() + 120_000;
  while (Date.now() < end) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within two minutes`);
}

/** Collects what is written. */
function collector() {
  const stream = new Writable({
    write(chunk, _, done) {
      stream.text += chunk;
      done();
    },
  });
  stream.text = '';
  return stream;
}

/** What a command wrote to either stream, and its exit code. */
function execute(command, input) {
  const [out, errors] = [collector(), collector()];
  const stdin = input === undefined ? null : Readable.from([input]);
  return new Promise((resolve, reject) => {
    new k8s.Exec(config)
      .exec(namespace, name, 'c', ['sh', '-c', command], out, errors, stdin, false, (status) => {
        const cause = status.details?.causes?.find((cause) => cause.reason === 'ExitCode');
        resolve([out.text, errors.text, cause ? Number(cause.message) : 0]);
      })
      .catch(reject);
  });
}

const container = { name: 'c', image: 'busybox:1', command: ['sh', '-c', script] };
const spec = { containers: [container], terminationGracePeriodSeconds: 0 };
await core.createNamespacedPod({ namespace, body: { metadata: { name }, spec } });
await until('the pod runs', async () => (await core.readNamespacedPod({ name, namespace })).status.phase === 'Running');

const report = {};
await until('it has a log', async () => {
  report.logs = await core.readNamespacedPodLog({ name, namespace });
  return report.logs.endsWith('second\n');
});
report.tail = await core.readNamespacedPodLog({ name, namespace, tailLines: 1 });
[report.said, report.errors, report.code] = await execute('echo out; echo errors >&2; exit 7');
[report.echoed] = await execute('read line; echo -n $line', 'through and through\n');

const forward = new k8s.PortForward(config);
const server = createServer((socket) => forward.portForward(namespace, name, [8080], socket, null, socket));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
report.fetched = await (await fetch(`http://127.0.0.1:${server.address().port}/index.html`)).text();

await new k8s.Exec(config).exec(namespace, name, 'nobody', ['true'], null, null, null, false).catch((error) => {
  // What the client shows of an answer that is no WebSocket ends with its code.
  report.refused = Number(/Unexpected server response: (\d+)/.exec(error.message ?? error.error?.message)?.[1]);
});
await core.deleteNamespacedPod({ name, namespace });
console.log(JSON.stringify(report));
process.exit(0);
