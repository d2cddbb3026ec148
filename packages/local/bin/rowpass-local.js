#!/usr/bin/env node
// `rowpass-local …` is `rowpass local …`.
import { runMain } from 'rowpass/operate'

runMain('local')
