package show_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"tajdeed/dashboards/show"
	"tajdeed/schema/postgres"
)

// What became of one application, with its reasons in English.
func Example() { //nolint:testableexamples // it reads a server
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Config{URL: "postgres://localhost/tajdeed"})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	id, err := show.ParseID("6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10")
	if err != nil {
		log.Print(err)
		return
	}
	found, err := show.Find(ctx, db, id, show.Options{English: true})
	switch {
	case errors.Is(err, show.ErrNotFound):
		fmt.Println("nothing is decided under this id")
	case err != nil:
		log.Print(err)
	default:
		fmt.Print(found.Text())
	}
}

func ExampleParseID() {
	id, err := show.ParseID("6F1D4C1E-8A52-4F1B-9B53-0D6A2F7C9E10")
	fmt.Println(id, err)
	_, err = show.ParseID("285010112341")
	fmt.Println(err)
	// Output:
	// 6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10 <nil>
	// "285010112341" is not an application_id: a UUID of 8-4-4-4-12 hexadecimal digits
}
