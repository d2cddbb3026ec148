import fc from 'fast-check'
import { serialize } from 'pg-protocol'
import { describe, expect, it } from 'vitest'
import { createJsonText, toPieces, writeJsonString } from '../../src/postgres/json-writer.ts'
import { readCommandTag } from '../../src/postgres/messages.ts'
import { createMessageReader } from '../../src/postgres/reader.ts'
import { describeFields, Result } from '../../src/postgres/result.ts'
import { createMessageWriter } from '../../src/postgres/writer.ts'

describe('message writer', () => {
  it('writes the bytes that pg-protocol writes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.option(fc.string({ unit: 'grapheme' }), { nil: null })),
        (sql, params) => {
          const text = sql.replaceAll('\0', '')
          const writer = createMessageWriter()
          writer.closeStatement('s1')
          writer.parse('s2', text)
          writer.describeStatement('s2')
          writer.execute()
          writer.query(text)
          writer.sync()
          expect(writer.take()).toEqual(
            Buffer.concat([
              serialize.close({ type: 'S', name: 's1' }),
              serialize.parse({ name: 's2', text, types: [] }),
              serialize.describe({ type: 'S', name: 's2' }),
              serialize.execute(),
              serialize.query(text),
              serialize.sync(),
            ]),
          )
          writer.bind('s2', params)
          expect(parametersOf(writer.take() as Buffer)).toEqual(params)
        },
      ),
    )
  })

  it('bytes that were taken are not written again', () => {
    const writer = createMessageWriter()
    writer.query('first')
    const first = writer.take() as Buffer
    const copy = Buffer.from(first)
    for (let index = 0; index < 5_000; index++) {
      writer.query(`query ${index} ${'x'.repeat(100)}`)
      if (index % 7 === 0) writer.take()
    }
    expect(first).toEqual(copy)
  })

  it('a message larger than a slab is whole', () => {
    const writer = createMessageWriter()
    writer.query('small')
    writer.query('é'.repeat(200_000))
    expect(writer.take()).toEqual(Buffer.concat([serialize.query('small'), serialize.query('é'.repeat(200_000))]))
    expect(writer.take()).toBeUndefined()
  })
})

/** The parameters of a Bind to statement `s2`. */
function parametersOf(bind: Buffer): (string | null)[] {
  let at = 5 + 1 + 's2'.length + 1 + 2
  const count = bind.readUInt16BE(at)
  at += 2
  return Array.from({ length: count }, () => {
    const length = bind.readInt32BE(at)
    at += 4 + Math.max(length, 0)
    return length < 0 ? null : bind.toString('utf8', at - length, at)
  })
}

describe('message reader', () => {
  const stream = Buffer.concat([serialize.query('one'), serialize.sync(), serialize.query('x'.repeat(300))])

  function read(chunks: readonly Buffer[], maxMessageBytes = 1_000): string[] {
    const seen: string[] = []
    const kept: (() => void)[] = []
    const push = createMessageReader({
      onMessage(type, bytes, start, end) {
        const read = () => String.fromCharCode(type) + bytes.toString('utf8', start, end)
        const text = read()
        seen.push(text)
        kept.push(() => expect(read()).toBe(text))
      },
      onOversized: (type) => seen.push(`oversized ${String.fromCharCode(type)}`),
      maxMessageBytes,
    })
    for (const chunk of chunks) push(chunk)
    for (const isUnchanged of kept) isUnchanged()
    return seen
  }

  it('finds the same messages however the stream is cut', () => {
    const whole = read([stream])
    expect(whole).toEqual(['Qone\0', 'S', `Q${'x'.repeat(300)}\0`])
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(stream.length)), (positions) => {
        const cuts = [0, ...positions.sort((a, b) => a - b), stream.length]
        expect(read(cuts.slice(1).map((end, index) => stream.subarray(cuts[index], end)))).toEqual(whole)
      }),
    )
  })

  it('passes over a message that is too large and reads on', () => {
    const long = Buffer.concat([stream, serialize.sync()])
    for (const size of [1, 7, 64, long.length]) {
      const chunks = Array.from({ length: Math.ceil(long.length / size) }, (_, index) =>
        long.subarray(index * size, (index + 1) * size),
      )
      expect(read(chunks, 100)).toEqual(['Qone\0', 'S', 'oversized Q', 'S'])
    }
  })

  it('refuses a length that cannot be', () => {
    expect(() => read([Buffer.from([0x44, 0, 0, 0, 3])])).toThrow(RangeError)
  })
})

describe('JSON writer', () => {
  it('writes every text as JSON.stringify does, but for what JSON need not escape', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(2_000), (text, repeat) => {
        const long = text.repeat(repeat % 50)
        const bytes = Buffer.from(long)
        const json = createJsonText(16)
        writeJsonString(json, bytes, 0, bytes.length)
        expect(JSON.parse(Buffer.concat(toPieces(json)).toString())).toBe(bytes.toString())
      }),
    )
  })

  it('escapes wherever it is, and nothing else', () => {
    for (const character of ['"', '\\', '\n', '\0', '\u001f', ' ', '!', '#', '[', ']', '\u007f', 'é', '\u{1f600}']) {
      for (let position = 0; position < 80; position++) {
        const text = `${'x'.repeat(position)}${character}${'y'.repeat(140 - position)}`
        const bytes = Buffer.from(`....${text}`)
        for (let start = 0; start <= 4; start++) {
          const json = createJsonText(16)
          writeJsonString(json, bytes, start, bytes.length)
          expect(Buffer.concat(toPieces(json)).toString()).toBe(JSON.stringify('....'.slice(start) + text))
        }
      }
    }
  })

  it('escapes control characters, quotes and backslashes, in short cells and long ones', () => {
    const all = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code)).join('')
    for (const text of [all, all.repeat(20), `${'x'.repeat(10_000)}`]) {
      const bytes = Buffer.from(text)
      const json = createJsonText(16)
      writeJsonString(json, bytes, 0, bytes.length)
      expect(Buffer.concat(toPieces(json)).toString()).toBe(JSON.stringify(text))
    }
  })
})

describe('a result', () => {
  /** A DataRow as it is read: the number of cells, and each with its length. */
  const dataRow = (cells: readonly string[]) => {
    const [count, length] = [Buffer.alloc(2), () => Buffer.alloc(4)]
    count.writeInt16BE(cells.length)
    return Buffer.concat([
      count,
      ...cells.flatMap((cell) => {
        const size = length()
        size.writeInt32BE(Buffer.byteLength(cell))
        return [size, Buffer.from(cell)]
      }),
    ])
  }
  const field = { name: 'note', tableID: 1, columnID: 1, dataTypeID: 25, dataTypeSize: -1, dataTypeModifier: -1 }
  const finish = async (cells: readonly string[][]) => {
    const result = new Result({ arrayMode: true, rawText: true }, () => undefined)
    result.describe(describeFields(cells[0]!.map(() => ({ ...field, format: 'text' as const }))))
    for (const row of cells) {
      const bytes = dataRow(row)
      result.row(bytes, 0, bytes.length)
    }
    result.complete({ command: 'SELECT', rowCount: cells.length })
    return await result.finish()
  }

  it('of a few cells is one piece, and keeps no more memory than that', async () => {
    const pieces = await finish([['1', 'user-1', 'x'.repeat(40)]])
    expect(pieces).toHaveLength(1)
    expect(JSON.parse(pieces.toString()).rows).toEqual([['1', 'user-1', 'x'.repeat(40)]])
  })

  it('whose cells are longer when they are escaped grows by what it needs', async () => {
    const rows = Array.from({ length: 20 }, () => ['\u0001'.repeat(60), '"'.repeat(60)])
    const pieces = await finish(rows)
    expect(JSON.parse(Buffer.concat(pieces).toString()).rows).toEqual(rows)
    const [first, ...more] = pieces.map(({ length }) => length)
    expect(more.length).toBeGreaterThan(0)
    expect(more.reduce((sum, each) => sum + each)).toBeLessThan(10 * first!)
    expect(Math.max(...pieces.map(({ buffer }) => buffer.byteLength))).toBeLessThan(64 * 1024)
  })
})

describe('command tags', () => {
  it.each([
    ['SELECT 3', 'SELECT', 3],
    ['INSERT 0 2', 'INSERT', 2],
    ['UPDATE 0', 'UPDATE', 0],
    ['MERGE 4', 'MERGE', 4],
    ['CREATE TABLE', 'CREATE', null],
    ['BEGIN', 'BEGIN', null],
  ])('%s is %s and %s', (tag, command, rowCount) => {
    const bytes = Buffer.from(`${tag}\0`)
    expect(readCommandTag(bytes, 0, bytes.length)).toEqual({ command, rowCount })
  })
})
