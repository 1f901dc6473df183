-- Every quarantined message, with the rule that it breaks.
SELECT partition, "offset", rule FROM quarantined WHERE topic = $1
