-- Every quarantined message, with the rule that it breaks.
SELECT topic, partition, "offset", rule FROM quarantined
