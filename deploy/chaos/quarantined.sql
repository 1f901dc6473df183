-- Every message of the record that could not be read.
SELECT partition, "offset", rule FROM quarantined WHERE topic = $1
