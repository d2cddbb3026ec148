-- sound: Partitions without policies of their own, which nobody may reach but through their table.
-- shape: audit
-- shown: 42501

-- [proof]
-- as: ann
select count(*) > 0 as shown from audit_log_2026;
