/**
 * `rowpass test`: writes tests of policies, and tests the tests.
 */
import { Command } from 'commander'
import type { Io, SetExitCode } from '../io.ts'
import { defineGenerate } from './test-generate.ts'
import { defineMutate } from './test-mutate.ts'

/** The shell side of the commands. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('test').addCommand(defineGenerate(io)).addCommand(defineMutate(io, setExitCode))
}
