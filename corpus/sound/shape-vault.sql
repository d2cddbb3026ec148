-- sound: Claims in settings, which any SQL can write and which count for nothing without their seal.
-- shape: vault
-- shown: false

-- [proof]
-- as: nobody
select count(*) > 0 as shown from vault.letters;
