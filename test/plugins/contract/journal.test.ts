import t from 'tap'
import { addNote, Channel, MAX_NOTES, notesOf } from '../../../plugins/contract/index.ts'

t.test('a channel tells all that listen, until they stop', t => {
  const channel = new Channel<number>()
  t.equal(channel.isHeard, false)
  const seen: string[] = []
  const stop = channel.listen(record => seen.push(`a${record}`))
  channel.listen(record => seen.push(`b${record}`))
  channel.tell(1)
  stop()
  channel.tell(2)
  t.strictSame(seen, ['a1', 'b1', 'b2'])
  t.equal(channel.isHeard, true)
  t.end()
})

t.test('one may stop listening while it is told', t => {
  const channel = new Channel<number>()
  const seen: string[] = []
  const stop = channel.listen(() => {
    seen.push('first')
    stop()
  })
  channel.listen(() => seen.push('second'))
  channel.tell(1)
  channel.tell(2)
  t.strictSame(seen, ['first', 'second', 'second'])
  t.end()
})

t.test('notes ride on the request, in order and bounded', t => {
  const request = {}
  t.strictSame(notesOf(request), [])
  for (let i = 0; i < MAX_NOTES + 5; i++)
    addNote(request, { topic: 'retry', reason: 'refused', numbers: { attempt: i } })
  t.equal(notesOf(request).length, MAX_NOTES)
  t.equal(notesOf(request)[1]?.numbers?.['attempt'], 1)
  t.strictSame(Object.keys(request), [], 'no JSON and no log shows them by accident')
  addNote(undefined, { topic: 'retry', reason: 'refused' })
  t.end()
})
