package io.gradus.cli;

import io.gradus.data.Dataset;

/** What a network that was trained is tested with. */
record TestData(String name, Dataset examples) {}
