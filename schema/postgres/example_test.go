package postgres_test

import (
	"context"
	"fmt"

	"tajdeed/schema/postgres"
)

func ExampleOpen() { //nolint:testableexamples // it needs a server
	ctx := context.Background()
	db, err := postgres.Open(ctx, postgres.Config{URL: "postgres://127.0.0.1/tajdeed", ApplicationName: "example"})
	if err != nil {
		fmt.Println(err) // ErrSchemaOld says to run `tajdeed migrate`
		return
	}
	defer db.Close()
	var decisions int64
	if err := db.QueryRow(ctx, `SELECT count(*) FROM decision`).Scan(&decisions); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(decisions)
}
