/**
 * Triggers that somebody has made, and event triggers.
 */
import type { Command } from './policies.ts'

/** A trigger. */
export interface Trigger {
  readonly relation: number
  readonly name: string
  readonly routine: number
  /** The function as SQL, without its parentheses. */
  readonly function: string
  /** Whether it fires in everyday sessions. */
  readonly enabled: boolean
  /** Without TRUNCATE. */
  readonly commands: readonly Command[]
  /** `before` and `instead of` run before the policies are asked. */
  readonly timing: 'before' | 'after' | 'instead of'
  readonly level: 'row' | 'statement'
  /** The whole `create` statement. */
  readonly definition: string
}

/** Fills {@link Trigger}. Bits of `tgtype`: 1 ROW, 2 BEFORE, 4 INSERT, 8 DELETE, 16 UPDATE, 32 TRUNCATE, 64 INSTEAD. */
export const triggersSql = `
  select t.tgrelid as relation, t.tgname as name, t.tgfoid as routine, t.tgfoid::regproc::text as function,
         t.tgenabled in ('O', 'A') as enabled,
         (select coalesce(jsonb_agg(v.command), '[]') from (values (4, 'insert'), (16, 'update'), (8, 'delete')) v (bit, command)
           where t.tgtype & v.bit > 0) as commands,
         case when t.tgtype & 64 > 0 then 'instead of' when t.tgtype & 2 > 0 then 'before' else 'after' end as timing,
         case when t.tgtype & 1 > 0 then 'row' else 'statement' end as level,
         pg_get_triggerdef(t.oid) as definition
    from pg_trigger t where not t.tgisinternal order by t.tgrelid, t.tgname`

/** An event trigger that is on. */
export interface EventTrigger {
  readonly name: string
  readonly routine: number
  readonly event: string
  /** Commands that it is for; undefined: all. */
  readonly tags: readonly string[] | undefined
}

/** Fills {@link EventTrigger}. */
export const eventTriggersSql = `
  select evtname as name, evtfoid as routine, evtevent as event, to_jsonb(evttags) as tags
    from pg_event_trigger where evtenabled in ('O', 'A') order by evtname`
