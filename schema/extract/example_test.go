package extract_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"tajdeed/schema/extract"
)

// A register in one file, with a line whose Civil ID no authority can have issued.
func ExampleExtract_Records() {
	dir, err := os.MkdirTemp("", "extract")
	if err != nil {
		log.Fatal(err)
	}
	err = errors.Join(printRegister(filepath.Join(dir, "register.ndjson")), os.RemoveAll(dir))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// register.ndjson:1: a sponsor
	// register.ndjson:2: a resident
	// register.ndjson:3: civil_id: bad_civil_id: its check digit is wrong
}

func printRegister(path string) error {
	const lines = `{"record":"sponsor","sponsor_id":"204118336","kind":"company"}
{"record":"resident","civil_id":"291030104196","passport_number":"N4417702","passport_country":"IND","passport_expires_on":"2030-07-14"}
{"record":"resident","civil_id":"291030104197","passport_number":"N4417703","passport_country":"IND","passport_expires_on":"2030-07-14"}
`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		return err
	}
	register, err := extract.Open(path)
	if err != nil {
		return err
	}
	for record, err := range register.Records() {
		switch _, badLine := errors.AsType[*extract.LineError](err); {
		case badLine:
			fmt.Println(err) // the next line can be read
		case err != nil:
			return err
		default:
			fmt.Printf("%s:%d: a %s\n", record.File, record.Line, record.Kind)
		}
	}
	return nil
}
