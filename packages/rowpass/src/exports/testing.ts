/**
 * `rowpass/testing`: tests of policies for any test runner.
 */
export { type ExpectedRefusal, expectHidden, expectRefused, expectVisible } from '../testing/expectations.ts'
export { type Outcome, outcomeOf } from '../testing/outcome.ts'
export type { Refusal } from '../testing/refusal.ts'
export {
  type Claims,
  createTester,
  type Rows,
  type SqlTag,
  type Tester,
  type TesterOptions,
  type TestPerson,
  type TestTransaction,
} from '../testing/tester.ts'
