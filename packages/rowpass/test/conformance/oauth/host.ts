/**
 * The API of a scene behind a port: on Node, or under workerd.
 */
import { app } from '../../../../../demo/src/app.ts'
import type { Scene } from '../../../../../demo/test/issuing/scene.ts'
import { type Host, serveApp } from '../../../../../demo/test/serve.ts'
import { startWorker } from '../../../../../demo/test/worker.ts'

export type { Host }

/** On Node. */
export function serveNode({ bindings }: Scene): Promise<Host> {
  return serveApp(async (path, init) => app.request(path, init, bindings))
}

/** Under workerd. */
export function serveWorker({ stack, bindings }: Scene): Promise<Host> {
  return startWorker({ ...stack, bindings: { ...stack.bindings, ...bindings, DEMO: 'false' } })
}
