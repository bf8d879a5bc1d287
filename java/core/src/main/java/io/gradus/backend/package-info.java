/** The native boundary. Nothing else imports {@code org.bytedeco}. */
package io.gradus.backend;
