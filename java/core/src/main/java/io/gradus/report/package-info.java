/** Runs and models made visible: logs, tables, pictures. */
package io.gradus.report;
