/**
 * What the memory of this process is made of when it is largest.
 */

/** Bytes, at the moment since the last question when the process had most. */
export interface MemoryPeak {
  /** All that the process holds of the machine's memory. */
  readonly rss: number
  /** Of the first thread's objects and texts, what they have and what is free among them. */
  readonly heap: number
  /** What the first thread keeps elsewhere: buffers, most of all. */
  readonly buffers: number
}

/** Watches this process. @returns a function that tells, and begins anew */
export function watchMemory(): () => MemoryPeak {
  let peak = look()
  setInterval(() => {
    const now = look()
    if (now.rss > peak.rss) peak = now
  }, 20).unref()
  return () => {
    const highest = peak
    peak = look()
    return highest
  }
}

function look(): MemoryPeak {
  const { rss, heapTotal, external } = process.memoryUsage()
  return { rss, heap: heapTotal, buffers: external }
}
