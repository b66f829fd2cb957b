package main

// Times, for the bench: of any CRI server, whose socket stands in CRI_SOCKET.

import (
	"fmt"
	"os"
	"slices"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// starts says how long a pod with one container takes to run, in milliseconds: the median of count pods, one after another.
func (c *client) starts(count int) {
	var times []float64
	for i := range count {
		config := pod("measured", fmt.Sprint("measured-", i), false)
		one := plain()
		began := time.Now()
		id := c.run(config)
		c.start(c.create(id, config, one))
		times = append(times, float64(time.Since(began).Microseconds())/1000)
		c.removePods("measured")
	}
	slices.Sort(times)
	fmt.Printf("starts %.1f\n", times[len(times)/2])
}

// plain is a container of nothing but its image: both sides can make it.
func plain() *cri.ContainerConfig {
	one := container(image)
	one.Mounts = nil
	return one
}

// fill adds plain pods until there are so many.
func (c *client) fill(from, count int) {
	each(count-from, 4, func(i int) {
		config := pod("trial", fmt.Sprint("fill-", from+i), false)
		id := c.run(config)
		c.start(c.create(id, config, plain()))
	})
	ensure(len(c.pods("trial")) == count, "there are %d pods", len(c.pods("trial")))
}

// pull says how long an image takes to be pulled and unpacked, in milliseconds.
func (c *client) pull(name string) {
	began := time.Now()
	must(c.images.PullImage(long(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}}))
	fmt.Printf("pull %.1f\n", float64(time.Since(began).Microseconds())/1000)
	must(c.images.RemoveImage(long(), &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: name}}))
}

func socketInUse() string {
	if other := os.Getenv("CRI_SOCKET"); other != "" {
		return other
	}
	return "/run/kutties/cri.sock"
}
