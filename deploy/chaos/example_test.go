package chaos_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"tajdeed/deploy/chaos"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
)

// Two minutes of faults. The program calls ChildMain and Main first, because the servers'
// supervisors and the worker processes are copies of it.
func Example() { //nolint:testableexamples // it starts servers and breaks them for minutes
	if local.ChildMain(os.Args) || worker.Main(os.Args) {
		return
	}
	result, err := chaos.Run(context.Background(), chaos.Config{
		Seed: 7, Limit: 2 * time.Minute, Rate: 250,
		Progress: func(since time.Duration, step string) { fmt.Printf("%6.1fs %s\n", since.Seconds(), step) },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.OK, result.Text())
}

// What a seed strikes with, before it does.
func ExampleWritePlan() {
	config := chaos.Config{Seed: 7, Rounds: 1, Rate: 250, Only: []string{"cut-postgres", "kill-worker"}}
	if err := chaos.WritePlan(os.Stdout, config); err != nil {
		log.Fatal(err)
	}
	// Output:
	// round 1
	//   1.5s kill-worker for 4.07s, toxic rate 0.38, pick 903823, way 1
	//   3.7s cut-postgres for 6.04s, toxic rate 1.00, pick 613615, way 1
	//   5.8s kill-worker for 752ms, toxic rate 1.00, pick 990125, way 1
	//   8.0s cut-postgres for 2.244s, toxic rate 0.73, pick 372485, way 1
	//   8.5s cut-postgres for 9.702s, toxic rate 0.53, pick 199960, way 0
	//  10.0s kill-worker for 1.366s, toxic rate 1.00, pick 208452, way 1
	//  12.2s kill-worker for 1.168s, toxic rate 0.26, pick 28253, way 0
	//  15.2s cut-postgres for 8.202s, toxic rate 1.00, pick 957588, way 1
	//  16.3s cut-postgres for 10.963s, toxic rate 0.51, pick 790079, way 1
	//  17.1s kill-worker for 2.974s, toxic rate 1.00, pick 194497, way 1
	//  17.5s kill-worker for 3.165s, toxic rate 1.00, pick 880309, way 1
	//  18.6s cut-postgres for 5.759s, toxic rate 0.54, pick 412407, way 1
	//  20.1s kill-worker for 3.143s, toxic rate 0.74, pick 393245, way 1
	//  20.9s cut-postgres for 10.682s, toxic rate 1.00, pick 623280, way 1
	//  23.3s kill-worker for 4.364s, toxic rate 1.00, pick 694046, way 0
	//  24.7s cut-postgres for 6.621s, toxic rate 1.00, pick 34798, way 0
}
