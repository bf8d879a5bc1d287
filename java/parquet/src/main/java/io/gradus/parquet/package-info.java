/** Tables from Parquet files. */
package io.gradus.parquet;
