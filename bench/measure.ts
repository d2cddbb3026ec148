/**
 * Measures subjects in turns: rounds in alternating order, and what each cost in CPU beside what it took in time.
 */
import { childrenCpuMs, cpuMs, elapsedCpuMs, pidsOf } from './processes.ts'
import { median, percentile } from './statistics.ts'

/** One run of one subject, of whatever load. */
export interface Run {
  readonly requests: number
  readonly perSecond: number
  /** Ascending. */
  readonly latenciesMs: Float64Array
}

/** Something that can be put under load. */
export interface Subject {
  readonly name: string
  /** Process whose CPU is counted as Node's, with that of those that it has started. */
  readonly pid: number
  /** Process that sends the load, where it is another. */
  readonly loadPid?: number
  run(): Promise<Run>
}

/** Medians over the rounds. */
export interface Outcome {
  readonly name: string
  readonly perSecond: number
  /** Requests a second of each round, for the spread. */
  readonly rounds: readonly number[]
  readonly p50Ms: number
  readonly p99Ms: number
  /** Microseconds of CPU for each request: of the subject's process, and of all backends. */
  readonly nodeMicros: number
  readonly backendMicros: number
  /** The same of the load generator; 0 where it is the subject's process. */
  readonly loadMicros: number
}

interface Sample {
  readonly run: Run
  readonly nodeMs: number
  readonly backendMs: number
  readonly loadMs: number
}

/** @param rounds that count; one more comes first, to warm up */
export async function measure(subjects: readonly Subject[], rounds: number, postmaster: number): Promise<Outcome[]> {
  const samples = new Map<Subject, Sample[]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const nodeCpuMs = () => pidsOf(subject.pid).reduce((sum, pid) => sum + cpuMs(pid), 0)
      const loadCpuMs = () => (subject.loadPid === undefined ? 0 : cpuMs(subject.loadPid))
      const [node, load, backends] = [nodeCpuMs(), loadCpuMs(), childrenCpuMs(postmaster)]
      const run = await subject.run()
      const sample = {
        run,
        nodeMs: nodeCpuMs() - node,
        loadMs: loadCpuMs() - load,
        backendMs: elapsedCpuMs(backends, childrenCpuMs(postmaster)),
      }
      if (round > 0) samples.get(subject)?.push(sample)
    }
  }
  return subjects.map((subject) => summarise(subject.name, samples.get(subject) ?? []))
}

function summarise(name: string, samples: readonly Sample[]): Outcome {
  const middle = (of: (sample: Sample) => number) => median(samples.map(of))
  return {
    name,
    perSecond: middle(({ run }) => run.perSecond),
    rounds: samples.map(({ run }) => run.perSecond),
    p50Ms: middle(({ run }) => percentile(run.latenciesMs, 50)),
    p99Ms: middle(({ run }) => percentile(run.latenciesMs, 99)),
    nodeMicros: middle(({ run, nodeMs }) => (nodeMs * 1_000) / run.requests),
    loadMicros: middle(({ run, loadMs }) => (loadMs * 1_000) / run.requests),
    backendMicros: middle(({ run, backendMs }) => (backendMs * 1_000) / run.requests),
  }
}
