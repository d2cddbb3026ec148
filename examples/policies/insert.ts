import { getTableColumns } from 'drizzle-orm'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import { insertable } from 'rowpass/policies'
import { tasks } from './schema.ts'

const newTasks = insertable(tasks, 'tenantId', 'authorId', 'title')

export function addTask(
  db: PgDatabase<PgQueryResultHKT>,
  task: Pick<typeof tasks.$inferSelect, 'tenantId' | 'authorId' | 'title'>,
) {
  return db.insert(newTasks).values(task).returning(getTableColumns(tasks))
}
