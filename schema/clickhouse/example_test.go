package clickhouse_test

import (
	"context"
	"fmt"

	"tajdeed/schema/clickhouse"
)

func ExampleOpen() { //nolint:testableexamples // it needs a server
	ctx := context.Background()
	db, err := clickhouse.Open(ctx, clickhouse.Config{URL: "clickhouse://127.0.0.1:9000/tajdeed", ApplicationName: "example"})
	if err != nil {
		fmt.Println(err) // ErrNoDatabase and ErrSchemaOld say to run `tajdeed migrate`
		return
	}
	defer func() { _ = db.Close() }()
	var decisions uint64
	if err := db.QueryRow(ctx, `SELECT count() FROM decision`).Scan(&decisions); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(decisions)
}
