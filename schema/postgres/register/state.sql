-- Whether the register is empty.
SELECT NOT EXISTS (SELECT FROM register_import)
   AND NOT EXISTS (SELECT FROM sponsor)
   AND NOT EXISTS (SELECT FROM resident);
