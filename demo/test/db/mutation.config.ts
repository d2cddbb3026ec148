/** The repository's tests, but only the run that is none of them. */
import { defineConfig } from 'vitest/config'
import config from '../../../vitest.config.ts'

export default defineConfig({
  ...config,
  root: new URL('../../..', import.meta.url).pathname,
  test: { ...config.test, include: ['demo/test/db/mutation.run.ts'] },
})
